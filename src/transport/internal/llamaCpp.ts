/**
 * Finds the library, loads a model with it, and says in our words what went wrong on the way. Nothing here is loaded, and
 * the library need not be installed, until somebody asks for a model.
 */
import type { ChatWrapper, Llama, LlamaContext, LlamaModel, LlamaOptions } from "node-llama-cpp"

/**
 * The library.
 *
 * @category models
 * @since 0.1.0
 */
export type Library = typeof import("node-llama-cpp")

/**
 * Why there is no model.
 *
 * @category models
 * @since 0.1.0
 */
export type Trouble =
  | "NotInstalled"
  | "NoBinary"
  | "FileMissing"
  | "NotAModel"
  | "Unsupported"
  | "OutOfMemory"
  | "Closed"
  | "Failed"

/**
 * What went wrong, and the library's own words for it.
 *
 * @category errors
 * @since 0.1.0
 */
export class Failed extends Error {
  readonly trouble: Trouble

  constructor(trouble: Trouble, message: string) {
    super(message)
    this.trouble = trouble
  }
}

/**
 * Imports the library.
 *
 * @category constructors
 * @since 0.1.0
 */
export const library = async (load: () => Promise<Library> = () => import("node-llama-cpp")): Promise<Library> => {
  try {
    return await load()
  } catch (error) {
    const isMissing = codeOf(error) === "ERR_MODULE_NOT_FOUND" && wordsOf(error).includes("node-llama-cpp'")
    throw isMissing
      ? new Failed("NotInstalled", "The package node-llama-cpp is not installed: npm install node-llama-cpp")
      : new Failed("Failed", `The package node-llama-cpp could not be loaded: ${wordsOf(error)}`)
  }
}

/**
 * The engine, and what it complained about lately. `isStuck` once a load has failed on it: the library never lets go of
 * such a model, and would wait for it for ever when the engine is disposed of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Engine {
  readonly llama: Llama
  readonly complaints: Array<string>
  isStuck: boolean
}

type Gpu = Exclude<LlamaOptions["gpu"], undefined>

/**
 * The engine on a kind of processor, started by whoever needs it first. It is never built or downloaded here. Its parts
 * that are not of one object, such as its log, are the whole process's: so there is one for all.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = async (library: Library, gpu: Gpu): Promise<Engine> => {
  const found = engines.get(gpu)
  const entry = found ?? { users: 0, engine: started(library, gpu) }
  engines.set(gpu, entry)
  entry.users++
  try {
    return await entry.engine
  } catch (error) {
    await stop(gpu)
    throw error
  }
}

/**
 * Takes leave of the engine. It ends with its last user, unless it is stuck: then it stays for the next one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const stop = async (gpu: Gpu): Promise<void> => {
  const entry = engines.get(gpu)
  if (entry === undefined || --entry.users > 0) return
  const engine = await entry.engine.catch(() => undefined)
  if (entry.users > 0 || engine?.isStuck === true) return
  engines.delete(gpu)
  // One that starts meanwhile must not find the process's parts of it half gone.
  ending = engine?.llama.dispose() ?? Promise.resolve()
  await ending
}

const engines = new Map<Gpu, { users: number; readonly engine: Promise<Engine> }>()
let ending: Promise<void> = Promise.resolve()

const started = async (library: Library, gpu: Gpu): Promise<Engine> => {
  await ending
  const complaints: Array<string> = []
  try {
    const llama = await library.getLlama({
      gpu,
      build: "never",
      progressLogs: false,
      logLevel: library.LlamaLogLevel.error,
      logger: (_, message) => {
        complaints.push(message.trim())
        if (complaints.length > manyComplaints) complaints.shift()
      }
    })
    return { llama, complaints, isStuck: false }
  } catch (error) {
    throw error instanceof library.NoBinaryFoundError
      ? new Failed(
          "NoBinary",
          "node-llama-cpp has no binary for this machine and was told not to build one. Install it with its optional dependencies, or build it: npx node-llama-cpp source download"
        )
      : new Failed("Failed", `The engine did not start: ${wordsOf(error)}`)
  }
}

/**
 * Loads the weights of a model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = async (
  library: Library,
  engine: Engine,
  options: { readonly modelPath: string; readonly gpuLayers?: number | "auto" | "max" | undefined },
  signal: AbortSignal
): Promise<LlamaModel> => {
  const { complaints, llama } = engine
  const { gpuLayers, modelPath } = options
  const architecture = await inspect(library, modelPath, signal)
  complaints.length = 0
  const onAbort = () => {
    engine.isStuck = true
  }
  signal.addEventListener("abort", onAbort)
  try {
    return await llama.loadModel({
      modelPath,
      loadSignal: signal,
      ...(gpuLayers === undefined ? undefined : { gpuLayers })
    })
  } catch (error) {
    engine.isStuck = true
    if (error instanceof library.InsufficientMemoryError) throw new Failed("OutOfMemory", error.message)
    // The log is written by another thread and comes a moment later.
    await new Promise((resume) => setImmediate(resume))
    const words = [...complaints, wordsOf(error)].join(" ")
    const unknown = /unknown (model architecture|(pre-)?tokenizer)[^.;\n]*/i.exec(words)?.[0]
    if (unknown !== undefined) {
      throw new Failed("Unsupported", `${unknown.trim()}. A newer version of node-llama-cpp may know it.`)
    }
    if (outOfMemory.test(words)) throw new Failed("OutOfMemory", words)
    throw new Failed(
      /tensor|corrupt|gguf/i.test(words) ? "NotAModel" : "Failed",
      `${words} Its architecture is ${architecture}.`
    )
  } finally {
    signal.removeEventListener("abort", onAbort)
  }
}

/**
 * Makes the context in which requests are evaluated, with all its sequences.
 *
 * @category constructors
 * @since 0.1.0
 */
export const contextOf = async (
  library: Library,
  model: LlamaModel,
  options: {
    readonly contextLength: number | undefined
    readonly sequences: number
    readonly threads: number | undefined
  },
  signal: AbortSignal
): Promise<LlamaContext> => {
  const { contextLength, sequences, threads } = options
  try {
    const context = await model.createContext({
      sequences,
      createSignal: signal,
      ...(contextLength === undefined ? undefined : { contextSize: contextLength, failedCreationRemedy: false }),
      ...(threads === undefined ? undefined : { threads })
    })
    // Who wanted it may have left meanwhile.
    if (signal.aborted) await context.dispose()
    return context
  } catch (error) {
    throw error instanceof library.DisposedError
      ? new Failed("Closed", "The model was disposed of.")
      : new Failed(
          error instanceof library.InsufficientMemoryError || outOfMemory.test(wordsOf(error))
            ? "OutOfMemory"
            : "Failed",
          wordsOf(error)
        )
  }
}

/**
 * The model's own way to write a conversation. It takes a while to find, and is remembered as long as the model is.
 *
 * @category converters
 * @since 0.1.0
 */
export const wrapperOf = (library: Library, model: LlamaModel): ChatWrapper => {
  const known = wrappers.get(model)
  if (known !== undefined) return known
  try {
    const wrapper = library.resolveChatWrapper(model)
    wrappers.set(model, wrapper)
    return wrapper
  } catch (error) {
    throw new Failed("Unsupported", `The model's chat template cannot be used: ${wordsOf(error)}`)
  }
}

/**
 * What an error says.
 *
 * @category converters
 * @since 0.1.0
 */
export const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

// internal

const wrappers = new WeakMap<LlamaModel, ChatWrapper>()

const manyComplaints = 20
const outOfMemory =
  /out of memory|insufficient memory|(failed|unable) to (allocate|create context)|too large for the available/i

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined

/** Reads the head of the file, which says better what is wrong with it than the engine does. */
const inspect = async (library: Library, modelPath: string, signal: AbortSignal): Promise<string> => {
  try {
    const { metadata } = await library.readGgufFileInfo(modelPath, {
      sourceType: "filesystem",
      readTensorInfo: false,
      logWarnings: false,
      signal
    })
    return String(metadata.general.architecture)
  } catch (error) {
    const code = codeOf(error)
    if (code === "ENOENT" || code === "ENOTDIR") throw new Failed("FileMissing", "There is no such file.")
    if (code !== undefined) throw new Failed("Failed", `The file cannot be read: ${code}`)
    throw new Failed("NotAModel", `The file is no model in the GGUF format: ${wordsOf(error)}`)
  }
}
