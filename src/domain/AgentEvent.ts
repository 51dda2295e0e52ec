/**
 * What a run yields: one flat union that encodes to JSON and back. Every event says which run, turn and agent it belongs
 * to and carries a sequence number that grows by one, so that a console, a log or another process can follow a run
 * without asking anything back.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CompactionReason, PendingQuestion } from "./Entry.ts"
import { CallId, PathStep, RunId, SessionId } from "./Ids.ts"
import * as Message from "./Message.ts"
import { CallOutcome, FinishReason, LimitName, RunReason } from "./Outcome.ts"
import * as Part from "./Part.ts"
import { Usage } from "./Usage.ts"

const base = {
  run: RunId,
  /** 0 before the first turn, then 1, 2, … */
  turn: Schema.Finite,
  /** 0 for the first event of a run, then one more for each. */
  sequence: Schema.Finite,
  agent: Schema.String,
  /** From the root run to this one; absent when the run is not nested. */
  path: Schema.optional(Schema.Array(PathStep))
}

const call = { call: CallId, name: Schema.String }

/** What went wrong, in the words of the typed error that follows in the error channel. */
const ErrorInfo = Schema.Struct({ tag: Schema.String, message: Schema.String })

/** The nested run that failed, when it was not this one: its agent, and the way to it. */
const FailedAt = Schema.Struct({ agent: Schema.String, path: Schema.Array(PathStep) })

/**
 * The run began. `input` are the messages it began with.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RunStart = Schema.TaggedStruct("RunStart", {
  ...base,
  session: SessionId,
  input: Schema.Array(Message.Message)
})
export interface RunStart extends Schema.Schema.Type<typeof RunStart> {}

/**
 * A model request is about to be sent. `input` are messages that joined the conversation since the last one: steering,
 * follow-ups, a nudge.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TurnStart = Schema.TaggedStruct("TurnStart", {
  ...base,
  model: Schema.String,
  input: Schema.Array(Message.Message)
})
export interface TurnStart extends Schema.Schema.Type<typeof TurnStart> {}

/**
 * A field of a request that hooks may change.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RequestField = Schema.Literal("messages", "tools", "toolChoice", "responseFormat", "settings")
export type RequestField = typeof RequestField.Type

/**
 * Hooks changed the request of this turn: these fields of it are not what the session and the agent say.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RequestChanged = Schema.TaggedStruct("RequestChanged", { ...base, fields: Schema.Array(RequestField) })
export interface RequestChanged extends Schema.Schema.Type<typeof RequestChanged> {}

/**
 * A piece of visible text.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TextDelta = Schema.TaggedStruct("TextDelta", { ...base, index: Schema.Finite, delta: Schema.String })
export interface TextDelta extends Schema.Schema.Type<typeof TextDelta> {}

/**
 * A piece of readable reasoning.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ReasoningDelta = Schema.TaggedStruct("ReasoningDelta", {
  ...base,
  index: Schema.Finite,
  delta: Schema.String
})
export interface ReasoningDelta extends Schema.Schema.Type<typeof ReasoningDelta> {}

/**
 * The model begins to write a call.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolInputStart = Schema.TaggedStruct("ToolInputStart", { ...base, ...call })
export interface ToolInputStart extends Schema.Schema.Type<typeof ToolInputStart> {}

/**
 * A piece of the JSON text of a call's arguments.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolInputDelta = Schema.TaggedStruct("ToolInputDelta", { ...base, ...call, delta: Schema.String })
export interface ToolInputDelta extends Schema.Schema.Type<typeof ToolInputDelta> {}

/**
 * The model begins to write a field of a call's arguments. Fields are those of the outermost object, in the order in which
 * they are written. Only for agents made with `inputFields`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolInputFieldStart = Schema.TaggedStruct("ToolInputFieldStart", { ...base, ...call, key: Schema.String })
export interface ToolInputFieldStart extends Schema.Schema.Type<typeof ToolInputFieldStart> {}

/**
 * A piece of a field: of a text what it says, of anything else its JSON.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolInputFieldDelta = Schema.TaggedStruct("ToolInputFieldDelta", {
  ...base,
  ...call,
  key: Schema.String,
  delta: Schema.String
})
export interface ToolInputFieldDelta extends Schema.Schema.Type<typeof ToolInputFieldDelta> {}

/**
 * A field is written, or its answer broke off.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolInputFieldEnd = Schema.TaggedStruct("ToolInputFieldEnd", { ...base, ...call, key: Schema.String })
export interface ToolInputFieldEnd extends Schema.Schema.Type<typeof ToolInputFieldEnd> {}

/**
 * The typed answer so far: what of it has arrived, as JSON that what follows only adds to. Not checked against the schema.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OutputDelta = Schema.TaggedStruct("OutputDelta", { ...base, partial: Schema.Unknown })
export interface OutputDelta extends Schema.Schema.Type<typeof OutputDelta> {}

/**
 * The answer is not what was asked for, and the model is told so. `repair` is 1 for the first time.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OutputRejected = Schema.TaggedStruct("OutputRejected", {
  ...base,
  repair: Schema.Finite,
  description: Schema.String
})
export interface OutputRejected extends Schema.Schema.Type<typeof OutputRejected> {}

/**
 * The answer is complete and holds this call. `input` is `{}` when the arguments could not be read.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolCall = Schema.TaggedStruct("ToolCall", { ...base, ...call, input: Schema.Unknown })
export interface ToolCall extends Schema.Schema.Type<typeof ToolCall> {}

/**
 * The handler starts, with the arguments it really gets.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolStart = Schema.TaggedStruct("ToolStart", { ...base, ...call, input: Schema.Unknown })
export interface ToolStart extends Schema.Schema.Type<typeof ToolStart> {}

/**
 * Output of a tool while it runs.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolProgress = Schema.TaggedStruct("ToolProgress", { ...base, ...call, chunk: Schema.Unknown })
export interface ToolProgress extends Schema.Schema.Type<typeof ToolProgress> {}

/**
 * The call has its result: `content` is what the model will read, `display` what a person should see in its place, when the
 * tool makes a difference.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolEnd = Schema.TaggedStruct("ToolEnd", {
  ...base,
  ...call,
  input: Schema.Unknown,
  outcome: CallOutcome,
  content: Schema.Array(Part.ResultContent),
  display: Schema.optional(Schema.Array(Part.ResultContent)),
  durationMillis: Schema.Finite
})
export interface ToolEnd extends Schema.Schema.Type<typeof ToolEnd> {}

/**
 * The guard of the application judged this call. Not written for the standard guard, nor for calls that go ahead as they are.
 *
 * @category schemas
 * @since 0.1.0
 */
export const GuardVerdict = Schema.TaggedStruct("GuardVerdict", {
  ...base,
  ...call,
  verdict: Schema.Literal("rewrite", "deny", "ask"),
  input: Schema.Unknown,
  reason: Schema.optional(Schema.String),
  category: Schema.optional(Schema.String)
})
export interface GuardVerdict extends Schema.Schema.Type<typeof GuardVerdict> {}

/**
 * A guard of messages let the input of the run, or an answer, not pass, or changed it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MessageGuarded = Schema.TaggedStruct("MessageGuarded", {
  ...base,
  direction: Schema.Literal("input", "output"),
  verdict: Schema.Literal("rewrite", "block"),
  reason: Schema.optional(Schema.String)
})
export interface MessageGuarded extends Schema.Schema.Type<typeof MessageGuarded> {}

/**
 * A guard wants a person's word on this call.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ApprovalAsked = Schema.TaggedStruct("ApprovalAsked", {
  ...base,
  ...call,
  input: Schema.Unknown,
  reason: Schema.String,
  category: Schema.optional(Schema.String)
})
export interface ApprovalAsked extends Schema.Schema.Type<typeof ApprovalAsked> {}

/**
 * The word was given, now or by an earlier answer that holds for this call too (`remembered`).
 *
 * @category schemas
 * @since 0.1.0
 */
export const ApprovalDecided = Schema.TaggedStruct("ApprovalDecided", {
  ...base,
  ...call,
  approved: Schema.Boolean,
  reason: Schema.optional(Schema.String),
  remembered: Schema.optional(Schema.Boolean)
})
export interface ApprovalDecided extends Schema.Schema.Type<typeof ApprovalDecided> {}

/**
 * A file came out: of the model, or of a tool when `call` is there.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FileOutput = Schema.TaggedStruct("FileOutput", {
  ...base,
  call: Schema.optional(CallId),
  file: Part.File
})
export interface FileOutput extends Schema.Schema.Type<typeof FileOutput> {}

/**
 * The answer names a source.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SourceOutput = Schema.TaggedStruct("SourceOutput", { ...base, source: Part.Source })
export interface SourceOutput extends Schema.Schema.Type<typeof SourceOutput> {}

/**
 * The request failed before any of its answer was shown, and is sent again after a pause.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Retrying = Schema.TaggedStruct("Retrying", {
  ...base,
  attempt: Schema.Finite,
  delayMillis: Schema.Finite,
  error: ErrorInfo
})
export interface Retrying extends Schema.Schema.Type<typeof Retrying> {}

/**
 * The answer broke off after some of it was shown, and the turn begins anew after a pause. What was shown of this turn is
 * void: forget its deltas. `usage` is what the broken answer cost, estimated.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TurnRestarted = Schema.TaggedStruct("TurnRestarted", {
  ...base,
  restart: Schema.Finite,
  delayMillis: Schema.Finite,
  error: ErrorInfo,
  usage: Usage
})
export interface TurnRestarted extends Schema.Schema.Type<typeof TurnRestarted> {}

/**
 * Older messages were replaced by a summary in what the model sees.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Compacted = Schema.TaggedStruct("Compacted", {
  ...base,
  reason: CompactionReason,
  messages: Schema.Finite,
  tokensBefore: Schema.optional(Schema.Finite),
  tokensAfter: Schema.optional(Schema.Finite)
})
export interface Compacted extends Schema.Schema.Type<typeof Compacted> {}

/**
 * The conversation should have been compacted and was not: it stays as it is, and the message says why.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CompactionFailed = Schema.TaggedStruct("CompactionFailed", {
  ...base,
  reason: CompactionReason,
  message: Schema.String
})
export interface CompactionFailed extends Schema.Schema.Type<typeof CompactionFailed> {}

/**
 * A limit is near: 80 % of it is used. Once per limit and run.
 *
 * @category schemas
 * @since 0.1.0
 */
export const LimitWarning = Schema.TaggedStruct("LimitWarning", {
  ...base,
  limit: LimitName,
  max: Schema.Finite,
  actual: Schema.Finite
})
export interface LimitWarning extends Schema.Schema.Type<typeof LimitWarning> {}

/**
 * The turn is over. `messages` are what it added to the session: the answer, and the results of its calls.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TurnEnd = Schema.TaggedStruct("TurnEnd", {
  ...base,
  reason: FinishReason,
  usage: Usage,
  messages: Schema.Array(Message.Message)
})
export interface TurnEnd extends Schema.Schema.Type<typeof TurnEnd> {}

/**
 * The run is over. Exactly one per run, and the last event. `output` is the text of the final answer, `value` the typed one
 * as JSON when it was asked for and is valid. `why` are the words of the tool, or of the guard of messages, that ended the
 * run, or of a pattern whose answer is not all that was asked for. `pending` are the questions that wait, when the reason is `awaiting-approval`. `answeredBy` is whose answer it is, when
 * that is another agent than the one that ran: one of a pattern, or one that took the conversation over. `usage` is what the
 * run spent, the nested ones in it included.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RunEnd = Schema.TaggedStruct("RunEnd", {
  ...base,
  reason: RunReason,
  limit: Schema.optional(LimitName),
  output: Schema.String,
  value: Schema.optional(Schema.Unknown),
  why: Schema.optional(Schema.String),
  pending: Schema.optional(Schema.Array(PendingQuestion)),
  answeredBy: Schema.optional(Schema.String),
  usage: Usage,
  endedAtMillis: Schema.Finite,
  error: Schema.optional(ErrorInfo),
  failedAt: Schema.optional(FailedAt)
})
export interface RunEnd extends Schema.Schema.Type<typeof RunEnd> {}

/**
 * Any event of a run.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AgentEvent = Schema.Union(
  RunStart,
  TurnStart,
  RequestChanged,
  TextDelta,
  ReasoningDelta,
  ToolInputStart,
  ToolInputDelta,
  ToolInputFieldStart,
  ToolInputFieldDelta,
  ToolInputFieldEnd,
  OutputDelta,
  OutputRejected,
  ToolCall,
  ToolStart,
  ToolProgress,
  ToolEnd,
  GuardVerdict,
  MessageGuarded,
  ApprovalAsked,
  ApprovalDecided,
  FileOutput,
  SourceOutput,
  Retrying,
  TurnRestarted,
  Compacted,
  CompactionFailed,
  LimitWarning,
  TurnEnd,
  RunEnd
)
export type AgentEvent = typeof AgentEvent.Type

/**
 * The event with the given tag.
 *
 * @category models
 * @since 0.1.0
 */
export type Of<Tag extends AgentEvent["_tag"]> = Extract<AgentEvent, { readonly _tag: Tag }>

/**
 * Folds an event by its tag. All tags must be handled.
 *
 * @category combinators
 * @since 0.1.0
 */
export const match =
  <Cases extends { readonly [Tag in AgentEvent["_tag"]]: (event: Of<Tag>) => unknown }>(cases: Cases) =>
  (event: AgentEvent): ReturnType<Cases[AgentEvent["_tag"]]> => {
    const run: (event: never) => unknown = cases[event._tag]
    // The index picked the case of this very tag; TypeScript cannot correlate the two.
    return run(event as never) as ReturnType<Cases[AgentEvent["_tag"]]>
  }

/**
 * Runs an effect for the tags that are handled, and nothing for the others. Made for `Stream.runForEach`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const matchPartial =
  <
    Cases extends {
      readonly [Tag in AgentEvent["_tag"]]?: (event: Of<Tag>) => Effect.Effect<unknown, unknown, unknown>
    }
  >(
    cases: Cases
  ) =>
  (event: AgentEvent): Effect.Effect<void, CaseError<Cases[keyof Cases]>, CaseContext<Cases[keyof Cases]>> => {
    const run: unknown = cases[event._tag]
    return typeof run === "function" ? Effect.asVoid(run(event)) : Effect.void
  }

type CaseError<Case> = Case extends (event: never) => Effect.Effect<unknown, infer E, unknown> ? E : never
type CaseContext<Case> = Case extends (event: never) => Effect.Effect<unknown, unknown, infer R> ? R : never
