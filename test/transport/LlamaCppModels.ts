/** Tiny models that the tests of `LlamaCpp` share, and what they ask of them. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { LlamaModel } from "node-llama-cpp"
import type { Delta, Finish } from "../../src/domain/Delta.ts"
import * as Message from "../../src/domain/Message.ts"
import type * as Part from "../../src/domain/Part.ts"
import * as LlamaCpp from "../../src/transport/LlamaCpp.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Tiny from "../support/tinyGguf.ts"

/** Absent, with a printed reason, where the engine does not run. */
export const engine = await Tiny.engine()

const models = new Map<string, Promise<LlamaModel>>()

/** A model that is loaded once under this name. */
export const model = (name: string, options: Tiny.Options) => (): Promise<LlamaModel> => {
  const found = models.get(name) ?? Tiny.load(engine, options)
  models.set(name, found)
  return found
}

/** Answers "Hola!". */
export const hola = model("hola", { says: [..."Hola!"] })
/** Never comes to an end. */
export const digits = model("digits", { says: [..."0123456789"], forever: true })
/** Says anything. */
export const random = model("random", { seed: 5 })

/** A transport over a model, on one processor and with a small window. */
export const layer = (model: () => Promise<LlamaModel>, options: LlamaCpp.ModelOptions = {}) =>
  Layer.unwrapEffect(
    Effect.map(Effect.promise(model), (model) =>
      LlamaCpp.layerModel(model, { threads: 1, contextLength: 512, id: "tiny", ...options })
    )
  )

export const ask = (text: string, more: Partial<Transport.Request> = {}): Transport.Request =>
  Transport.request({ messages: [Message.user(text)], ...more })

export const answer = (request: Transport.Request) =>
  Effect.map(Stream.runCollect(Transport.stream(request)), Chunk.toArray)

export const partsOf = (deltas: ReadonlyArray<Delta>): ReadonlyArray<Part.Part> =>
  deltas.flatMap((delta) => (delta._tag === "PartEnd" ? [delta.part] : []))

export const textOf = (deltas: ReadonlyArray<Delta>): string => Message.toText(Message.assistant(partsOf(deltas)))

export const callsOf = (deltas: ReadonlyArray<Delta>): ReadonlyArray<Part.ToolCall> =>
  Message.toolCalls(Message.assistant(partsOf(deltas)))

export const finishOf = (deltas: ReadonlyArray<Delta>): Finish => {
  const last = deltas.at(-1)
  if (last?._tag !== "Finish") throw new Error("The answer has no end.")
  return last
}

/** A tool whose every call is one of two. */
export const paint: Transport.ToolSpec = {
  name: "paint",
  description: "Paints",
  inputSchema: { type: "object", properties: { color: { enum: ["red", "green"] } }, required: ["color"] }
}
