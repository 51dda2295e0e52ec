// Writes the table of models in src/transport/internal/models.ts from https://models.dev/api.json:
//   curl -o api.json https://models.dev/api.json && node .ci/models.mjs api.json
// Read the difference before you commit it, and put the day of the download into the first comment of the table's file.
import { readFileSync, writeFileSync } from "node:fs"

const file = new URL("../src/transport/internal/models.ts", import.meta.url)
const source = JSON.parse(readFileSync(process.argv[2], "utf8"))

/** Our name of a vendor, its name in the source, and which of its models are of use here when not all are. */
const vendors = [
  ["openai", "openai", /^(gpt-(4o|4\.1|[5-9])|o[1-9]|codex)/],
  ["anthropic", "anthropic", /^claude-(fable|opus|sonnet|haiku|mythos)/],
  ["google", "google", /^(gemini-[\d.]+|gemma)/],
  ["xai", "xai", /^grok/],
  ["mistral", "mistral", /./],
  ["deepseek", "deepseek", /^deepseek-(flash|v)/],
  ["groq", "groq", /./],
  ["together", "togetherai", /./],
  ["cerebras", "cerebras", /./],
  ["fireworks", "fireworks-ai", /./],
  ["moonshot", "moonshotai", /./],
  ["zai", "zai", /./],
  ["qwen", "alibaba", /^qwen(3|-(max|plus|flash|turbo|vl))/],
  [
    "openrouter",
    "openrouter",
    /^(anthropic\/claude-.*-(4[.-][5-9]|5)$|openai\/gpt-(5\.[45]|5-mini|oss)|google\/gemini-3[^/]*(flash|pro|lite)(-preview)?$|x-ai|deepseek\/deepseek-v4|z-ai\/glm-5|moonshotai\/kimi-k2\.[67]|qwen\/qwen3\.7|mistralai\/mistral-(large-2512|medium-3-5))/
  ],
  ["ollama", "ollama-cloud", /^(gemma|gpt-oss|ministral|devstral-small|nemotron-3-nano|qwen3-coder-next|rnj)/]
]

/** Vendors whose models run on the user's machine: window and price are not the model's. */
const local = new Set(["ollama"])

/** No chat, or on its way out. */
const useless =
  /embed|tts|whisper|transcri|realtime|live|moderation|guard|ocr|image-\d|imagine|lyria|veo|robotics|asr|translate|orpheus|-mt-|character|:free$|-fast$|computer-use/

/** What the source leaves open and the vendors' own pages say. */
const structured =
  /^(claude-(opus-(4-[1-9](-|$)|5)|sonnet-(4-[5-9](-|$)|5)|haiku|fable)|(mistral|ministral|codestral|devstral|magistral|pixtral)-)/

/** Of OpenAI's models all that see pictures read PDF, too (its guide to file inputs); the source says so of some. */
const readsPdf = (vendor, { modalities: { input } }) =>
  input.includes("pdf") || (vendor === "openai" && input.includes("image"))

const letters = [
  ["t", (model) => model.tool_call],
  ["r", (model) => model.reasoning],
  ["s", (model) => model.structured_output || structured.test(model.id)],
  ["i", (model) => model.modalities.input.includes("image")],
  ["a", (model) => model.modalities.input.includes("audio")],
  ["v", (model) => model.modalities.input.includes("video")],
  ["f", (model, vendor) => readsPdf(vendor, model)],
  ["I", (model) => model.modalities.output.includes("image")],
  ["A", (model) => model.modalities.output.includes("audio")]
]

const numbers = (cost) =>
  [cost.input, cost.output, cost.cache_read, cost.cache_write].map((price) => price || undefined)

const row = (vendor, model) => {
  const { cost, limit: given } = local.has(vendor) ? {} : model
  // An answer longer than its window: one of the two is wrong.
  const limit = given?.output > given?.context ? undefined : given
  const [tier] = cost?.tiers ?? []
  const free = cost?.input === 0 && cost?.output === 0
  const fields = [
    model.id,
    limit?.context,
    limit?.output,
    letters.flatMap(([letter, has]) => (has(model, vendor) ? [letter] : [])).join("") || "none",
    ...(cost === undefined ? [] : free ? [0, 0] : numbers(cost)),
    ...(tier === undefined ? [] : [tier.tier.size, ...numbers(tier)])
  ]
  while (fields.length > 0 && fields.at(-1) === undefined) fields.pop()
  return fields.map((field) => field ?? "-").join(" ")
}

/** A dated snapshot is found by the name before its date, and needs a row only where it differs. */
const isRepeated = (line, _, all) => {
  const [id, ...facts] = line.split(" ")
  const name = id.replace(/-(\d{8}|\d{4}-\d{2}-\d{2})$/, "")
  return name !== id && all.includes([name, ...facts].join(" "))
}

const lines = vendors.flatMap(([name, theirs, wanted]) => [
  `# ${name}`,
  ...Object.values(source[theirs].models)
    .filter((model) => wanted.test(model.id) && !useless.test(model.id) && model.modalities.output.includes("text"))
    .filter((model) => model.status !== "deprecated")
    .sort(
      (left, right) =>
        (right.release_date ?? "").localeCompare(left.release_date ?? "") || (left.id < right.id ? -1 : 1)
    )
    .map((model) => row(name, model))
    .filter((line, index, all) => !isRepeated(line, index, all))
])

const text = readFileSync(file, "utf8")
writeFileSync(
  file,
  text.replace(/(export const table = `)[^`]*`/, (_, start) => `${start}\n${lines.join("\n")}\n\``)
)
