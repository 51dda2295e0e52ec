/**
 * TR-22: how vendors word that a conversation is too long, and what they say that only sounds like it. Most wordings are
 * those that public clients and reports quote, with other numbers; the rest is written as the vendors are known to word it.
 */
import { assert, describe, it } from "@effect/vitest"
import { complaintOf, failureOf, failureOfStatus } from "../../src/transport/internal/failure.ts"

type Row = readonly [who: string, status: number, body: unknown]

const said = (message: string, more: object = {}) => ({ error: { message, ...more } })

const overflows: ReadonlyArray<Row> = [
  ["Anthropic", 400, said("prompt is too long: 213462 tokens > 200000 maximum", { type: "invalid_request_error" })],
  [
    "Anthropic, with the output",
    400,
    said("input length and `max_tokens` exceed context limit: 187254 + 20000 > 204798, decrease input length")
  ],
  ["Bedrock", 400, { message: "Input is too long for requested model." }],
  ["OpenAI", 400, said("Your input exceeds the context window of this model. Please adjust your input.")],
  [
    "OpenAI, Chat Completions",
    400,
    said("This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.", {
      code: "context_length_exceeded"
    })
  ],
  [
    "OpenAI, one text",
    400,
    said("Invalid 'messages[1].content': string too long.", { code: "string_above_max_length" })
  ],
  ["Gemini", 400, said("The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).")],
  [
    "xAI",
    400,
    { code: "400", error: "This model's maximum prompt length is 131072 but the request contains 537812 tokens." }
  ],
  ["Groq", 400, said("Please reduce the length of the messages or completion.", { code: "context_length_exceeded" })],
  [
    "OpenRouter",
    400,
    said("This endpoint's maximum context length is 262144 tokens. However, you requested about 284283 tokens", {
      code: 400
    })
  ],
  [
    "llama.cpp",
    400,
    said("the request exceeds the available context size, try increasing it", { type: "exceed_context_size_error" })
  ],
  ["llama.cpp, with numbers", 400, said("request (9001 tokens) exceeds the available context size (4096 tokens)")],
  [
    "LM Studio",
    400,
    { error: "The number of tokens to keep from the initial prompt is greater than the context length." }
  ],
  [
    "GitHub Copilot",
    400,
    said("prompt token count of 137000 exceeds the limit of 128000", { code: "model_max_prompt_tokens_exceeded" })
  ],
  [
    "GitHub Models",
    413,
    said("Request body too large for gpt-4o model. Max size: 8000 tokens.", { code: "tokens_limit_reached" })
  ],
  ["MiniMax", 400, said("invalid params, context window exceeds limit (2013)")],
  ["Kimi", 400, said("Invalid request: Your request exceeded model token limit: 262144 (requested: 291351)")],
  ["Cerebras", 413, ""],
  [
    "Mistral",
    400,
    {
      object: "error",
      message:
        "Prompt contains 180000 tokens and 0 draft tokens, too large for model with 131072 maximum context length"
    }
  ],
  ["z.ai", 400, said("Prompt exceeds max length", { code: "1261" })],
  ["z.ai, by its reason", 500, said("model_context_window_exceeded")],
  ["Ollama", 400, { error: "the input length exceeds the context length" }],
  ["Ollama, since 0.12", 400, { error: "prompt too long; exceeded max context length by 12 tokens" }],
  [
    "Ollama, since 2026",
    400,
    { error: "the prompt is longer than the context length currently available to the model; shorten the prompt" }
  ],
  ["Qwen", 400, said("<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]")],
  [
    "vLLM",
    400,
    said(
      "You passed 202753 input tokens and requested 0 output tokens. However, the model's context length is only 202752 tokens, resulting in a maximum input length of 202752 tokens."
    )
  ],
  [
    "vLLM, before 0.9",
    400,
    { object: "error", message: "The decoder prompt (length 5000) is longer than the maximum model length of 4096." }
  ],
  [
    "SGLang",
    400,
    { object: "error", message: "The input (210000 tokens) is longer than the model's context length (200000 tokens)." }
  ],
  [
    "SGLang, with the output",
    400,
    { message: "Requested token count exceeds the model's maximum context length of 32768 tokens." }
  ],
  [
    "Hugging Face, Together",
    422,
    { error: "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens" }
  ],
  ["Fireworks", 400, said("The prompt is too long: 140000, model maximum context length: 131071")],
  [
    "Cohere",
    400,
    { message: "too many tokens: size limit exceeded by 3032 tokens. Try using shorter or fewer inputs." }
  ],
  ["Snowflake", 400, { message: "max tokens of 200000 exceeded" }],
  ["llama-cpp-python", 400, said("Requested tokens (2152) exceed context window of 2048")],
  ["DS4", 400, said("Prompt has 32769 tokens, but the configured context size is 32768 tokens")],
  ["a gateway", 413, "<html><head><title>413 Request Entity Too Large</title></head></html>"]
]

const limits: ReadonlyArray<Row> = [
  ["OpenAI", 429, said("Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000.")],
  [
    "Groq, whose status is that of an overflow",
    413,
    said(
      "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9203, please reduce your message size.",
      {
        type: "tokens",
        code: "rate_limit_exceeded"
      }
    )
  ],
  ["Bedrock", 429, { message: "Too many tokens, please wait before trying again." }],
  ["a vendor that names the window", 429, said("maximum context length tokens per minute exceeded")],
  [
    "Gemini",
    429,
    said("Quota exceeded for metric: input_token_count, limit: 250000", { status: "RESOURCE_EXHAUSTED" })
  ],
  [
    "Moonshot",
    429,
    said("Your account is rate limited: reached organization TPM", { type: "rate_limit_reached_error" })
  ],
  ["a vendor without a status for it", 400, said("Rate limit reached: too many tokens per day")]
]

const others: ReadonlyArray<Row> = [
  ["OpenAI", 400, said("max_tokens is too large: 100000. This model supports at most 16384 completion tokens.")],
  ["Anthropic", 400, said("max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens")],
  ["Qwen", 400, said("Range of max_tokens should be [1, 8192]")],
  ["a vendor of pictures", 400, said("The image exceeds the limit of 5 MB")]
]

const answered = (status: number, body: unknown) =>
  failureOfStatus(status, typeof body === "string" ? body : JSON.stringify(body), undefined)

describe("failure", () => {
  it.each(overflows)("TR-22 %s says with %s that the conversation is too long", (_, status, body) => {
    assert.strictEqual(answered(status, body)._tag, "ContextOverflow")
  })

  it.each(limits)("TR-22 %s says with %s that it came too fast", (_, status, body) => {
    assert.strictEqual(answered(status, body)._tag, "RateLimited")
  })

  it.each(others)("TR-22 %s says with %s that the request is wrong", (_, status, body) => {
    assert.strictEqual(answered(status, body)._tag, "InvalidRequest")
  })

  it("TR-22 what is said in the stream is told apart without a status", () => {
    const tag = (body: unknown) => failureOf(complaintOf(body) ?? { message: "" })._tag
    for (const [who, status, body] of overflows) {
      // Without words there is only the status.
      if (typeof body !== "string" && status !== 413) assert.strictEqual(tag(body), "ContextOverflow", who)
    }
    assert.strictEqual(tag(said("Too many tokens, please wait before trying again.")), "RateLimited")
    assert.strictEqual(tag(limits[1]?.[2]), "RateLimited")
  })

  it("a request that is larger than a minute's limit will never pass", () => {
    assert.deepStrictEqual(
      [answered(429, limits[0]?.[2]).permanent, answered(413, limits[1]?.[2]).permanent],
      [true, true]
    )
    assert.strictEqual(answered(429, limits[2]?.[2]).permanent, undefined)
  })
})
