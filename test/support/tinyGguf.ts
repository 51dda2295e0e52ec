/**
 * Writes tiny language models in the GGUF format that llama.cpp loads: two layers, a vocabulary of bytes and printable
 * characters, a ChatML template, weights from a seed. Such a model says nothing sensible, but everything around it is real.
 * With `says` it is taught a text instead, one token after the other, so that a test knows the answer on any processor.
 */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Llama, LlamaModel } from "node-llama-cpp"

export interface Options {
  readonly seed?: number | undefined
  /** What it answers, token by token, no token twice. One that is not a printable character becomes a token of its own. */
  readonly says?: ReadonlyArray<string> | undefined
  /** The last token of its prompts, after which it begins; a newline unless the template ends otherwise. */
  readonly after?: string | undefined
  /** What it answers after other tokens. No token of these may be among those of `says`. */
  readonly also?: { readonly [after: string]: ReadonlyArray<string> } | undefined
  /** Begins again instead of ending the answer. */
  readonly forever?: boolean | undefined
  readonly architecture?: string | undefined
  readonly contextLength?: number | undefined
  /** In place of the template for ChatML. */
  readonly template?: string | undefined
}

/** A directory for models that is removed when the process ends. */
export const directory = (): string => {
  const path = fs.mkdtempSync(join(tmpdir(), "axonal-gguf-"))
  process.once("exit", () => fs.rmSync(path, { recursive: true, force: true }))
  return path
}

/**
 * The engine, or `undefined` with a printed reason where it does not run. It has one processor to itself. The project
 * installs it for Linux without a graphics card: the overrides in package.json point its other packages, hundreds of
 * megabytes, at one that is for no machine that we know of.
 */
export const engine = async (): Promise<Llama | undefined> => {
  try {
    const { getLlama, LlamaLogLevel } = await import("node-llama-cpp")
    return await getLlama({
      gpu: false,
      build: "never",
      progressLogs: false,
      maxThreads: 1,
      logLevel: LlamaLogLevel.error
    })
  } catch (error) {
    console.warn(`skipped, llama.cpp does not run on this machine: ${error instanceof Error ? error.message : error}`)
    return undefined
  }
}

/** Loads a model that is written for it. Needs an engine. */
export const load = async (llama: Llama | undefined, options: Options = {}): Promise<LlamaModel> => {
  if (llama === undefined) throw new Error("There is no engine.")
  const path = join(directory(), "tiny.gguf")
  return await llama.loadModel({ modelPath: write(path, { contextLength: 4096, ...options }) })
}

/** Writes the model and answers its path. */
export const write = (path: string, options: Options = {}): string => {
  fs.writeFileSync(path, bytes(options))
  return path
}

/** The file of a model. The same options give the same bytes. */
export const bytes = (options: Options = {}): Uint8Array => {
  const vocabulary = vocabularyOf([...(options.says ?? []), ...Object.values(options.also ?? {}).flat()])
  const tensors = tensorsOf(vocabulary, options)
  const head = new Writer()
  head.raw(Buffer.from("GGUF"))
  head.u32(3)
  head.u64(tensors.length)
  const metadata = metadataOf(vocabulary, options)
  head.u64(metadata.length)
  for (const [key, type, value] of metadata) head.entry(key, type, value)
  let offset = 0
  for (const tensor of tensors) {
    head.text(tensor.name)
    head.u32(tensor.shape.length)
    for (const size of tensor.shape) head.u64(size)
    head.u32(0)
    head.u64(offset)
    offset += padded(tensor.values.byteLength)
  }
  head.pad()
  for (const { values } of tensors) {
    head.raw(Buffer.from(values.buffer, values.byteOffset, values.byteLength))
    head.pad()
  }
  return head.bytes()
}

// internal

const embedding = 64
const layers = 2
const heads = 4
const keyHeads = 2
const feedForward = 128
const alignment = 32
const newline = "<0x0A>"

const template =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

interface Vocabulary {
  readonly tokens: ReadonlyArray<string>
  readonly types: ReadonlyArray<number>
  readonly scores: ReadonlyArray<number>
}

const typeOf = { normal: 1, unknown: 2, control: 3, own: 4, byte: 6 } as const

const vocabularyOf = (says: ReadonlyArray<string>): Vocabulary => {
  const all: Array<readonly [token: string, type: number, score: number]> = [
    ["<unk>", typeOf.unknown, 0],
    ["<s>", typeOf.control, 0],
    ["</s>", typeOf.control, 0]
  ]
  for (let byte = 0; byte < 256; byte++) {
    all.push([`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, typeOf.byte, 0])
  }
  for (let code = 32; code < 127; code++) {
    all.push([code === 32 ? "\u2581" : String.fromCharCode(code), typeOf.normal, -code])
  }
  for (const token of says) {
    if (!all.some(([known]) => known === token)) all.push([token, typeOf.own, 0])
  }
  all.push(["<|im_start|>", typeOf.control, 0], ["<|im_end|>", typeOf.control, 0])
  return {
    tokens: all.map(([token]) => token),
    types: all.map(([, type]) => type),
    scores: all.map(([, , score]) => score)
  }
}

type Entry = readonly [key: string, type: keyof typeof types, value: unknown]
const types = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, texts: 9, f32s: 9, i32s: 9 } as const

const metadataOf = ({ scores, tokens, types }: Vocabulary, options: Options): ReadonlyArray<Entry> => {
  const name = options.architecture ?? "llama"
  return [
    ["general.architecture", "text", name],
    ["general.name", "text", "tiny"],
    ["general.file_type", "u32", 0],
    [`${name}.context_length`, "u32", options.contextLength ?? 2048],
    [`${name}.embedding_length`, "u32", embedding],
    [`${name}.block_count`, "u32", layers],
    [`${name}.feed_forward_length`, "u32", feedForward],
    [`${name}.attention.head_count`, "u32", heads],
    [`${name}.attention.head_count_kv`, "u32", keyHeads],
    [`${name}.attention.layer_norm_rms_epsilon`, "f32", 1e-5],
    [`${name}.rope.dimension_count`, "u32", embedding / heads],
    [`${name}.vocab_size`, "u32", tokens.length],
    ["tokenizer.ggml.model", "text", "llama"],
    ["tokenizer.ggml.tokens", "texts", tokens],
    ["tokenizer.ggml.scores", "f32s", scores],
    ["tokenizer.ggml.token_type", "i32s", types],
    ["tokenizer.ggml.bos_token_id", "u32", 1],
    ["tokenizer.ggml.eos_token_id", "u32", tokens.length - 1],
    ["tokenizer.ggml.unknown_token_id", "u32", 0],
    ["tokenizer.ggml.add_space_prefix", "bool", false],
    ["tokenizer.chat_template", "text", options.template ?? template]
  ]
}

interface Tensor {
  readonly name: string
  readonly shape: ReadonlyArray<number>
  readonly values: Float32Array
}

const tensorsOf = (vocabulary: Vocabulary, options: Options): ReadonlyArray<Tensor> => {
  const random = randomOf(options.seed ?? 1)
  const size = vocabulary.tokens.length
  const taught = options.says !== undefined
  const make = (name: string, shape: ReadonlyArray<number>, scale: number): Tensor => {
    const values = new Float32Array(shape.reduce((product, side) => product * side, 1))
    for (let index = 0; index < values.length; index++) values[index] = scale === 0 ? 1 : (random() * 2 - 1) * scale
    return { name, shape, values }
  }
  // What was taught stands in the first and the last tensor; the layers between only murmur.
  const murmur = taught ? 0.01 : 0.4
  const input = make("token_embd.weight", [embedding, size], 0.4)
  const output = make("output.weight", [embedding, size], taught ? 0.02 : 0.4)
  if (options.says !== undefined) teach(vocabulary, input, output, { ...options, says: options.says })
  for (const [after, says] of Object.entries(options.also ?? {})) teach(vocabulary, input, output, { after, says })
  const tensors = [input, make("output_norm.weight", [embedding], 0), output]
  const keys = (embedding / heads) * keyHeads
  for (let layer = 0; layer < layers; layer++) {
    const block = (name: string, shape: ReadonlyArray<number>, scale = murmur): void => {
      tensors.push(make(`blk.${layer}.${name}.weight`, shape, scale))
    }
    block("attn_norm", [embedding], 0)
    block("ffn_norm", [embedding], 0)
    block("attn_q", [embedding, embedding])
    block("attn_k", [embedding, keys])
    block("attn_v", [embedding, keys])
    block("attn_output", [embedding, embedding])
    block("ffn_gate", [embedding, feedForward])
    block("ffn_up", [embedding, feedForward])
    block("ffn_down", [feedForward, embedding])
  }
  return tensors
}

/** The row of each token in the output points where the token before it stands in the input. */
const teach = (
  { tokens }: Vocabulary,
  input: Tensor,
  output: Tensor,
  { after = newline, forever = false, says }: Options & { readonly says: ReadonlyArray<string> }
): void => {
  const idOf = (token: string): number => tokens.indexOf(token === " " ? "\u2581" : token === "\n" ? newline : token)
  const row = ({ values }: Tensor, id: number): Float32Array => values.subarray(id * embedding, (id + 1) * embedding)
  const follow = (before: number, next: number): void => {
    const [from, to] = [row(input, before), row(output, next)]
    const size = Math.sqrt(from.reduce((sum, value) => sum + value * value, 0) / embedding)
    from.forEach((value, index) => {
      to[index] = (to[index] ?? 0) + (2 * value) / size
    })
  }
  const first = idOf(after)
  const ids = says.map(idOf)
  ids.forEach((id, index) => {
    follow(ids[index - 1] ?? first, id)
  })
  follow(ids.at(-1) ?? first, forever ? (ids[0] ?? first) : tokens.length - 1)
}

/** A small generator of numbers from 0 to 1, the same on every machine. */
const randomOf = (seed: number) => {
  let state = seed | 0
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const padded = (size: number): number => Math.ceil(size / alignment) * alignment

class Writer {
  private readonly chunks: Array<Buffer> = []
  private length = 0

  raw(chunk: Buffer): void {
    this.chunks.push(chunk)
    this.length += chunk.length
  }
  u32(value: number): void {
    const chunk = Buffer.alloc(4)
    chunk.writeUInt32LE(value)
    this.raw(chunk)
  }
  u64(value: number): void {
    const chunk = Buffer.alloc(8)
    chunk.writeBigUInt64LE(BigInt(value))
    this.raw(chunk)
  }
  text(value: string): void {
    const chunk = Buffer.from(value)
    this.u64(chunk.length)
    this.raw(chunk)
  }
  /** One pair of the metadata. */
  entry(key: string, type: keyof typeof types, value: unknown): void {
    this.text(key)
    this.u32(types[type])
    if (Array.isArray(value)) {
      const element = type === "texts" ? "text" : type === "f32s" ? "f32" : "i32"
      this.u32(types[element])
      this.u64(value.length)
      for (const item of value) this.value(element, item)
    } else this.value(type, value)
  }
  private value(type: keyof typeof types, value: unknown): void {
    const chunk = Buffer.alloc(4)
    if (type === "text") this.text(String(value))
    else if (type === "bool") this.raw(Buffer.from([value === true ? 1 : 0]))
    else if (type === "f32") {
      chunk.writeFloatLE(Number(value))
      this.raw(chunk)
    } else if (type === "i32") {
      chunk.writeInt32LE(Number(value))
      this.raw(chunk)
    } else this.u32(Number(value))
  }
  pad(): void {
    this.raw(Buffer.alloc(padded(this.length) - this.length))
  }
  bytes(): Uint8Array {
    return Buffer.concat(this.chunks)
  }
}
