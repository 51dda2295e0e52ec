/**
 * A context of a loaded model, and the requests that share it. A request is turned into a plan first, so that whatever is
 * wrong with it shows before anything is evaluated; then it waits for a sequence, and is answered.
 */
import type {
  ChatHistoryItem,
  ChatModelFunctions,
  ChatWrapper,
  LlamaContext,
  LlamaContextSequence,
  LlamaGrammar,
  LlamaModel,
  Token
} from "node-llama-cpp"
import type { Request, Settings, ToolSpec } from "../../domain/Request.ts"
import { settingsOf, Unsupported } from "./encoding.ts"
import type { Failure } from "./failure.ts"
import * as ForcedAnswer from "./forcedAnswer.ts"
import type { Library } from "./llamaCpp.ts"
import { wordsOf } from "./llamaCpp.ts"
import type { Plan } from "./llamaCppAnswer.ts"
import { Answer } from "./llamaCppAnswer.ts"
import { historyOf, names } from "./llamaCppHistory.ts"
import { Pool } from "./llamaCppPool.ts"
import * as Schemas from "./llamaCppSchema.ts"
import { samplingOf } from "./llamaCppSettings.ts"
import { safe } from "./toolNames.ts"

/**
 * What an engine is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly library: Library
  readonly model: LlamaModel
  readonly context: LlamaContext
  readonly wrapper: ChatWrapper
  readonly settings: Settings
  /** What answers say their model is. */
  readonly name: string
}

/**
 * A request that was let in. `left` gives up: it stops the answer, or the waiting, and ends when nothing of it runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Admitted {
  readonly answer: Answer
  /** Called once, when a sequence is there. */
  readonly start: (begun: () => void) => void
  readonly left: () => Promise<void>
}

/**
 * Answers requests.
 *
 * @category models
 * @since 0.1.0
 */
export class Engine {
  private readonly parts: Parts
  private readonly pool: Pool<Token, LlamaContextSequence>
  private readonly admitted = new Set<Admitted>()
  private readonly grammars = new WeakMap<object, LlamaGrammar>()
  private readonly tools = new WeakMap<ToolSpec, Functions>()
  private isClosed = false

  constructor(parts: Parts) {
    this.parts = parts
    const { context } = parts
    this.pool = new Pool(Array.from({ length: context.totalSequences }, () => context.getSequence()))
  }

  get closed(): boolean {
    return this.isClosed || this.parts.model.disposed || this.parts.context.disposed
  }

  /** Turns a request into a plan, or says why it cannot be answered. */
  async plan(request: Request): Promise<Plan | Failure> {
    if (this.closed) return closedFailure
    try {
      const plan = await this.planned(request)
      const { contextSize } = this.parts.context
      const used = plan.tokens.length
      if (used <= contextSize - 2) return plan
      const message = `The request has ${used} tokens, and the context window has room for ${contextSize - 2}.`
      return { _tag: "ContextOverflow", message }
    } catch (error) {
      const message = error instanceof Unsupported ? error.message : `The request cannot be rendered: ${wordsOf(error)}`
      return { _tag: "InvalidRequest", message }
    }
  }

  /** Lets a request in, to wait for its turn. */
  admit(plan: Plan): Admitted {
    const answer = new Answer(plan, this.parts.name)
    let running: Promise<void> | undefined
    let leave = () => {}
    const admitted: Admitted = {
      answer,
      start: (begun) => {
        if (this.closed) {
          answer.end(new Error(closedFailure.message))
          return begun()
        }
        leave = this.pool.take(plan.tokens, (sequence) => {
          running = answer.run(this.parts.library, sequence).then(() => this.pool.give(sequence))
          begun()
        })
      },
      left: async () => {
        leave()
        answer.stop()
        await running
        this.admitted.delete(admitted)
      }
    }
    this.admitted.add(admitted)
    return admitted
  }

  /** Stops everything, and ends when nothing runs. */
  async close(): Promise<void> {
    this.isClosed = true
    const all = [...this.admitted]
    this.pool.close()
    await Promise.all(all.map((admitted) => admitted.left()))
    for (const { answer } of all) {
      answer.end(new Error(closedFailure.message))
    }
  }

  /** The failure that an error in the middle of an answer stands for. */
  failureOf(error: unknown): Failure {
    if (this.closed) return closedFailure
    const message = wordsOf(error)
    return error instanceof this.parts.library.InsufficientMemoryError
      ? { _tag: "Overloaded", message: `Not enough memory: ${message}` }
      : { _tag: "Overloaded", message, permanent: true }
  }

  private async planned(original: Request): Promise<Plan> {
    const request = { ...original, settings: settingsOf(this.parts.settings, original.settings) }
    const { answer, bound, callable, shown } = this.toolsOf(request)
    const history = historyOf(request.messages)
    const wrapper = wrapped(this.parts.wrapper, shown, callable !== undefined && isForced(request, answer))
    const tokens = this.rendered(history, wrapper)
    const { maxOutputTokens, parallelToolCalls } = request.settings
    const room = this.parts.context.contextSize - tokens.length - 1
    const ours = new Map(request.tools.map((tool) => [safe(tool.name, names), tool.name]))
    return {
      history,
      tokens,
      wrapper,
      functions: callable,
      grammar: bound === undefined ? undefined : await this.grammarOf(bound),
      sampling: samplingOf(request.settings),
      maxTokens: Math.max(1, Math.min(maxOutputTokens ?? room, room)),
      maxCalls: answer !== undefined || parallelToolCalls === false ? 1 : undefined,
      nameOf: (name) => ours.get(name) ?? name,
      answer: answer === undefined ? undefined : safe(answer.name, names)
    }
  }

  /** What the model is shown, what it may call, and the schema that binds its words. */
  private toolsOf(request: Request): {
    readonly shown: ChatModelFunctions | undefined
    readonly callable: ChatModelFunctions | undefined
    readonly bound: object | undefined
    readonly answer: ToolSpec | undefined
  } {
    const { responseFormat: format, toolChoice } = request
    const schema = format.type === "text" ? undefined : (format.schema ?? Schemas.anyObject)
    // Where the model may call tools or answer in a form, the answer is one more tool, since a grammar binds everything.
    // It is shown even where the choice is not free, so that prompts go on as they began.
    const answer = schema === undefined || request.tools.length === 0 ? undefined : answerOf(request, schema)
    const tools = answer === undefined ? request.tools : [...request.tools, answer]
    const isFree = toolChoice === "auto" && tools.length > 0
    const mayAnswer = toolChoice === "auto" || toolChoice === "none"
    const callable = isFree ? tools : chosen(request)
    const named = (some: ReadonlyArray<ToolSpec>, form: "shown" | "grammar"): ChatModelFunctions | undefined => {
      const functions = some.map((tool) => this.functionsOf(tool))
      return some.length === 0 ? undefined : Object.fromEntries(functions.map((each) => [each.name, each[form]]))
    }
    return {
      shown: named(tools, "shown"),
      callable: named(callable, "grammar"),
      bound: mayAnswer && !isFree ? schema : undefined,
      answer: isFree ? answer : undefined
    }
  }

  private async grammarOf(schema: object): Promise<LlamaGrammar> {
    let grammar = this.grammars.get(schema)
    if (grammar === undefined) {
      grammar = await this.parts.model.llama.createGrammarForJsonSchema<Schemas.Schema>(Schemas.grammarOf(schema))
      this.grammars.set(schema, grammar)
    }
    return grammar
  }

  private functionsOf(tool: ToolSpec): Functions {
    if (tool.provider !== undefined) {
      throw new Unsupported(
        `Tool ${tool.name}: a model in this process has no tools of its own, such as ${tool.provider.id}.`
      )
    }
    let functions = this.tools.get(tool)
    if (functions === undefined) {
      const description = tool.description === undefined ? undefined : { description: tool.description }
      const isEmpty = Schemas.isEmpty(tool.inputSchema)
      functions = {
        name: safe(tool.name, names),
        shown: { ...description, ...(isEmpty ? undefined : { params: Schemas.documentationOf(tool.inputSchema) }) },
        grammar: { ...description, ...(isEmpty ? undefined : { params: Schemas.grammarOf(tool.inputSchema) }) }
      }
      this.tools.set(tool, functions)
    }
    return functions
  }

  /** The prompt up to where the answer begins. */
  private rendered(history: ReadonlyArray<ChatHistoryItem>, wrapper: ChatWrapper): ReadonlyArray<Token> {
    const chatHistory: ReadonlyArray<ChatHistoryItem> =
      history.at(-1)?.type === "model" ? history : [...history, { type: "model", response: [] }]
    const { contextText } = wrapper.generateContextState({ chatHistory })
    const tokens = contextText.tokenize(this.parts.model.tokenizer)
    if (tokens.length === 0) throw new Unsupported("The model's chat template makes nothing of the messages.")
    return tokens
  }
}

// internal

/** A tool under its name on the wire, as the model is shown it, and as its calls are bound. */
interface Functions {
  readonly name: string
  readonly shown: ChatModelFunctions[string]
  readonly grammar: ChatModelFunctions[string]
}

const closedFailure: Failure = {
  _tag: "InvalidRequest",
  message: "The model is closed: the scope that it was loaded in has ended, or it was disposed of."
}

const answerOf = (request: Request, schema: object): ToolSpec | undefined =>
  request.responseFormat.type === "text"
    ? undefined
    : ForcedAnswer.toolOf({ ...request, responseFormat: { ...request.responseFormat, schema } })

/** The tools of which one is chosen, or any has to be called. */
const chosen = ({ toolChoice, tools }: Request): ReadonlyArray<ToolSpec> => {
  if (toolChoice === "auto" || toolChoice === "none") return []
  const found = toolChoice === "required" ? tools : tools.filter((tool) => tool.name === toolChoice.tool)
  if (found.length > 0) return found
  throw new Unsupported(
    `A call of ${toolChoice === "required" ? "a tool" : toolChoice.tool} is required, which is not offered.`
  )
}

const isForced = ({ toolChoice }: Request, answer: ToolSpec | undefined): boolean =>
  answer !== undefined || toolChoice === "required" || typeof toolChoice === "object"

/**
 * The model's own template, with two things that the library ties together and we do not: the tools that it shows are not
 * the ones that may be called now, and a call may be what the answer has to begin with.
 */
const wrapped = (wrapper: ChatWrapper, shown: ChatModelFunctions | undefined, isForced: boolean): ChatWrapper => {
  const changed: ChatWrapper = Object.create(wrapper)
  changed.generateContextState = ({ chatHistory }) => {
    const state = wrapper.generateContextState({
      chatHistory,
      documentFunctionParams: true,
      ...(shown === undefined ? undefined : { availableFunctions: shown })
    })
    if (!isForced) return state
    const { contextText, stopGenerationTriggers } = state
    const functionCall = { initiallyEngaged: true, disengageInitiallyEngaged: [] }
    return { contextText, stopGenerationTriggers, functionCall }
  }
  return changed
}
