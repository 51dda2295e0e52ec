/**
 * What may stand in a file of settings: one schema, of which the reader, the published JSON schema and the commented file of
 * `axonal init` are made. What it knows takes effect; what has none does not stand here.
 */
import * as Schema from "effect/Schema"
import * as Rules from "../../guard/Rules.ts"

/** A key with its meaning, and what it is when nobody sets it, or what it may look like. */
const key = <A, I>(
  schema: Schema.Schema<A, I>,
  description: string,
  shown: { readonly default: NoInfer<A> } | { readonly examples: readonly [NoInfer<A>] }
) => Schema.optionalWith(schema, { exact: true }).annotations({ description, ...shown })

// Without names of their own, so that each stands in the JSON schema where it is used.
const described = (pattern: RegExp, description: string) => Schema.String.pipe(Schema.pattern(pattern, { description }))
const whole = (most: number) =>
  Schema.Number.pipe(Schema.int(), Schema.between(1, most, { description: `a whole number from 1 to ${most}` }))

const address = described(/^https?:\/\/[^\s/]/, "an http or https address")
const time = described(/^[1-9]\d{0,8}(\.\d+)?(ms|s|m|h)$/, 'a time such as "90s", "5m" or "1h"')
const place = described(/^(local|bubblewrap|container(:\S+)?)$/, "local, bubblewrap, container or container:IMAGE")
const words = described(/\S/, "a text that is not empty")
const many = Schema.Array(words)

/**
 * The settings of a file.
 *
 * **Details**
 *
 * - Paths are relative to the folder of the project, in the user's own file to that of the file.
 * - `maxCost`: US dollars. `timeout`: of a run. All keys may be left out.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Config = Schema.Struct({
  $schema: key(Schema.String, "Where the JSON schema of this file is, for editors.", {
    examples: ["../node_modules/axonal/schema/config.schema.json"]
  }),
  model: key(
    words,
    "The model, as in --model: vendor:id, or an id alone. Without it the first vendor whose key is set, see axonal --help.",
    { examples: ["ollama:qwen3:8b"] }
  ),
  baseUrl: key(address, "A server that speaks the OpenAI chat protocol, as in --base-url.", {
    examples: ["http://127.0.0.1:8080/v1"]
  }),
  offline: key(Schema.Boolean, "Whether there is no network and no model, but a few rules that use the tools.", {
    default: false
  }),
  thinking: key(words, "How much the model thinks before it answers, in the words of its vendor.", {
    examples: ["high"]
  }),
  temperature: key(
    Schema.Number.pipe(Schema.between(0, 2, { description: "a number from 0 to 2" })),
    "How freely the model chooses its words, from 0 to 2. Without it the vendor decides.",
    { examples: [0.2] }
  ),
  maxTokens: key(whole(1_000_000_000), "The longest answer, in tokens. Without it the vendor decides.", {
    examples: [8000]
  }),
  maxTurns: key(whole(999_999), "How many requests to the model one run may take.", { default: 50 }),
  maxCost: key(
    Schema.Number.pipe(Schema.positive({ description: "an amount above 0" })),
    "What one run may cost, in US dollars, as far as the vendor's prices are known. Without it there is no limit.",
    { examples: [2] }
  ),
  timeout: key(time, "How long one run may take. Without it there is no limit.", { examples: ["30m"] }),
  tools: key(
    Schema.Literal("all", "reading", "none"),
    "Which tools there are: all, those that only read, or none. Without it all where somebody can be asked, else reading.",
    { examples: ["all"] }
  ),
  sandbox: key(
    place,
    "Where files are changed and commands run: local (this machine), bubblewrap (no network, the rest of the machine read-only), container or container:IMAGE.",
    { default: "local" }
  ),
  permission: key(
    Schema.Literal("ask", "plan", "yolo"),
    "What changes something asks first (ask), waits for a plan that you approve (plan), or runs unasked (yolo).",
    { default: "ask" }
  ),
  agentsFile: key(Schema.Boolean, "Whether AGENTS.md is read: yours, and those of the project.", { default: true }),
  instructions: key(Schema.Union(words, many), "What the model is told besides, in every session.", {
    examples: ["Answer in French."]
  }),
  instructionFiles: key(many, "Files with more of it.", { examples: [["docs/conventions.md"]] }),
  skills: key(many, "Folders of skills besides the usual ones.", { examples: [["tools/skills"]] }),
  agents: key(many, "Folders of agents that work may be handed to, besides the usual ones.", {
    examples: [["tools/agents"]]
  }),
  compact: key(Schema.Boolean, "Whether the beginning of a conversation that grows too long is summarised.", {
    default: true
  }),
  save: key(Schema.Boolean, "Whether sessions are kept.", { default: true }),
  dataDir: key(words, "The folder for sessions. Without it your data folder.", { examples: ["/srv/axonal"] }),
  plain: key(Schema.Boolean, "Whether a conversation is held in plain lines instead of on a screen of its own.", {
    default: false
  }),
  color: key(Schema.Boolean, "Whether there are colours. NO_COLOR switches them off, too.", { default: true }),
  mcp: key(
    Schema.Struct({
      enabled: key(Schema.Boolean, "Whether servers of the Model Context Protocol are used.", { default: true }),
      off: key(many, "Servers that are not used, by name.", { examples: [["postgres"]] }),
      trust: key(
        Schema.Union(Schema.Literal("all"), many),
        "Servers of the project's files that are used, by name, or all. Axonal trust has all of them used.",
        { examples: [["docs"]] }
      )
    }),
    "The servers of mcp.json files.",
    { examples: [{}] }
  ),
  guard: key(
    Schema.Struct({
      model: key(words, "A model that judges what changes something. What it finds safe runs unasked.", {
        examples: ["openai:gpt-6-luna"]
      })
    }),
    "Who judges calls before a person is asked.",
    { examples: [{}] }
  ),
  rules: key(
    Schema.Array(Rules.Rule),
    "Calls that are allowed, asked about or denied, by tool and arguments. The strictest rule about a call counts.",
    {
      examples: [[{ tools: "shell", arguments: { command: { pattern: "^npm publish" } }, verdict: "deny" }]]
    }
  )
})
export interface Config extends Schema.Schema.Type<typeof Config> {}
