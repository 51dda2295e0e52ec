/**
 * One line of a session's log, of every kind, and its stored form. A log is only ever added to: what shortens or branches
 * a conversation is written down as one more entry. Stored entries carry the version of their shape and are read for ever.
 */
import * as Either from "effect/Either"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { CallId, EntryId, PathStep, RunId, SessionId } from "./Ids.ts"
import * as Problems from "./internal/problems.ts"
import { Message } from "./Message.ts"
import { LimitName } from "./Outcome.ts"
import * as Part from "./Part.ts"
import { Usage } from "./Usage.ts"

const base = {
  id: EntryId,
  /** Milliseconds since the epoch. */
  at: Schema.Finite,
  run: Schema.optional(RunId),
  turn: Schema.optional(Schema.Finite)
}

/**
 * A message joined the conversation.
 *
 * **Details**
 *
 * - `queued`: the entry that kept these words until a run read them; absent for all others.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MessageEntry = Schema.TaggedStruct("Message", {
  ...base,
  message: Message,
  queued: Schema.optional(EntryId)
})
export interface MessageEntry extends Schema.Schema.Type<typeof MessageEntry> {}

/**
 * A model response was paid for. One per response, also for responses that were cut off.
 *
 * **Details**
 *
 * - `purpose`: absent for an answer of the conversation, `"compaction"` for a summary of it, `"selection"` of a model that
 *   selected tools, `"guard"` of one that judged.
 *
 * @category schemas
 * @since 0.1.0
 */
export const UsageEntry = Schema.TaggedStruct("Usage", {
  ...base,
  model: Schema.String,
  usage: Usage,
  purpose: Schema.optional(Schema.Literal("compaction", "selection", "guard"))
})
export interface UsageEntry extends Schema.Schema.Type<typeof UsageEntry> {}

/**
 * Why a conversation was compacted: it had grown to a threshold, a vendor refused it as too long, or somebody asked.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CompactionReason = Schema.Literal("threshold", "overflow", "demand")
export type CompactionReason = typeof CompactionReason.Type

/**
 * The beginning of the conversation is represented by other messages from here on. Nothing of it is erased.
 *
 * **Details**
 *
 * - `through`: the last entry that is represented, itself included. `messages`: what stands in its place, often one
 *   summary behind the texts of the system, none when it was dropped. `pinned`: the newest user message, when it is in that part: it stays as it is.
 * - `dropped`: how many messages are represented that were not before. Tokens are of the whole window, when known.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CompactionEntry = Schema.TaggedStruct("Compaction", {
  ...base,
  through: EntryId,
  messages: Schema.Array(Message),
  pinned: Schema.optional(Message),
  reason: CompactionReason,
  dropped: Schema.Finite,
  tokensBefore: Schema.optional(Schema.Finite),
  tokensAfter: Schema.optional(Schema.Finite)
})
export interface CompactionEntry extends Schema.Schema.Type<typeof CompactionEntry> {}

/**
 * What else an answer about one call decides: questions about the same tool, of the same category, or any, in this session.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Remember = Schema.Literal("tool", "category", "session")
export type Remember = typeof Remember.Type

/**
 * A person, or who stands in for one, answered whether a call may run.
 *
 * **Details**
 *
 * - `asked`: the arguments as JSON that the answer is about. `input`: the arguments to run with, when they were edited.
 * - `remember`: what else it decides. `category`: of the question.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DecisionEntry = Schema.TaggedStruct("Decision", {
  ...base,
  call: CallId,
  tool: Schema.String,
  approved: Schema.Boolean,
  reason: Schema.optional(Schema.String),
  asked: Schema.optional(Schema.Unknown),
  input: Schema.optional(Schema.Unknown),
  remember: Schema.optional(Remember),
  category: Schema.optional(Schema.String)
})
export interface DecisionEntry extends Schema.Schema.Type<typeof DecisionEntry> {}

/**
 * A question to a person that waits.
 *
 * **Details**
 *
 * - `input`: the arguments as JSON that are asked about; the answer is about these and no others.
 * - `expiresAt`: milliseconds since the epoch; absent when the question does not expire.
 * - `agent`, `path`: whose call it is, and the way to that run, when it is one of a nested run.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PendingQuestion = Schema.Struct({
  call: CallId,
  tool: Schema.String,
  input: Schema.Unknown,
  reason: Schema.String,
  category: Schema.optional(Schema.String),
  expiresAt: Schema.optional(Schema.Finite),
  agent: Schema.optional(Schema.String),
  path: Schema.optional(Schema.Array(PathStep))
})
export interface PendingQuestion extends Schema.Schema.Type<typeof PendingQuestion> {}

/**
 * A run ended because calls of its last answer wait for a person. Answers about them follow as decisions; the first message
 * that follows takes the questions back.
 *
 * **Details**
 *
 * - `questions`: all that wait for an answer. No call of the answer they are about has run.
 * - `waiting`: calls that did run, and whose own nested runs wait: the questions are theirs. `call` is the one of this session,
 *   `session` where the nested run waits, `asked` the calls that its questions are about.
 * - `results`: of the calls beside them, which have run and do not run again.
 * - `spent`: what the run had used, which the run that goes on begins with. `millis`: its working time.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SuspendedEntry = Schema.TaggedStruct("Suspended", {
  ...base,
  questions: Schema.Array(PendingQuestion),
  spent: Schema.Struct({ turns: Schema.Finite, toolCalls: Schema.Finite, usage: Usage, millis: Schema.Finite }),
  waiting: Schema.optional(
    Schema.Array(Schema.Struct({ call: CallId, session: SessionId, asked: Schema.Array(CallId) }))
  ),
  results: Schema.optional(Schema.Array(Part.ToolResult))
})
export interface SuspendedEntry extends Schema.Schema.Type<typeof SuspendedEntry> {}

/**
 * Words were accepted for a run that had not come to reading them. A message that names this entry says that it has.
 *
 * **Details**
 *
 * - `when`: `steer` joins before the next model request, `followUp` when the run would otherwise end.
 * - `again`: the entry that kept these words before and does so no longer. Without messages, nothing keeps them any more: a
 *   guard does not let them in.
 * - Words are for the session in which they were said: a fork has none of its parent's, nor a session that was rewound.
 *
 * @category schemas
 * @since 0.1.0
 */
export const QueuedEntry = Schema.TaggedStruct("Queued", {
  ...base,
  when: Schema.Literal("steer", "followUp"),
  messages: Schema.Array(Message),
  again: Schema.optional(EntryId)
})
export interface QueuedEntry extends Schema.Schema.Type<typeof QueuedEntry> {}

/**
 * Something happened to the log itself.
 *
 * **Details**
 *
 * - `fork`: what stands before came from `session`, up to `to`. `rewind`: the conversation went back to `to`.
 * - `restore`: the latest compaction in force holds no longer. `resume`: what waited for a person waits no longer, and the
 *   calls run.
 * - `limit`: a run reached a limit, which ended it or left it one last answer.
 * - `revoke`: the answer of the entry `decision` decides no other calls any more.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MarkerEntry = Schema.TaggedStruct("Marker", {
  ...base,
  marker: Schema.Union(
    Schema.Struct({ type: Schema.Literal("fork"), session: SessionId, to: EntryId }),
    Schema.Struct({ type: Schema.Literal("rewind"), to: EntryId }),
    Schema.Struct({ type: Schema.Literal("restore") }),
    Schema.Struct({ type: Schema.Literal("resume") }),
    Schema.Struct({ type: Schema.Literal("limit"), limit: LimitName, max: Schema.Finite, actual: Schema.Finite }),
    Schema.Struct({ type: Schema.Literal("revoke"), decision: EntryId })
  )
})
export interface MarkerEntry extends Schema.Schema.Type<typeof MarkerEntry> {}

/**
 * A text too long for the conversation, kept beside it: the whole result of a call of which the model was shown a part.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ArtifactEntry = Schema.TaggedStruct("Artifact", {
  ...base,
  call: Schema.optional(CallId),
  tool: Schema.optional(Schema.String),
  text: Schema.String
})
export interface ArtifactEntry extends Schema.Schema.Type<typeof ArtifactEntry> {}

/**
 * Something that a pattern has come to, and does not do again when it goes on: the input it began with, the answer of one of
 * its parts, its own end.
 *
 * **Details**
 *
 * - `key`: what it is, unique within one run of the pattern. `value`: JSON.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CheckpointEntry = Schema.TaggedStruct("Checkpoint", {
  ...base,
  key: Schema.String,
  value: Schema.Unknown
})
export interface CheckpointEntry extends Schema.Schema.Type<typeof CheckpointEntry> {}

/**
 * One line of a session's log.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Entry = Schema.Union(
  MessageEntry,
  UsageEntry,
  CompactionEntry,
  DecisionEntry,
  SuspendedEntry,
  QueuedEntry,
  MarkerEntry,
  ArtifactEntry,
  CheckpointEntry
)
export type Entry = typeof Entry.Type

/**
 * What stands in the place of an entry that is stored and cannot be read any more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unreadable {
  readonly _tag: "Unreadable"
  readonly id: EntryId
  /** Milliseconds since the epoch. */
  readonly at: number
  /** What is wrong with it. */
  readonly problem: string
}

/**
 * What a log has in a place: an entry, or what is left of one.
 *
 * @category models
 * @since 0.1.0
 */
export type Stored = Entry | Unreadable

/**
 * The version of the shapes that `toJson` writes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const version = 3

/**
 * Why a stored entry cannot be read. With `isNewer` it is whole, and this version of the package is too old for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Problem {
  readonly isNewer: boolean
  readonly message: string
}

/**
 * The stored form of an entry, in the shape of `version`; or why it has none that could be read back.
 *
 * @category converters
 * @since 0.1.0
 */
export const toJson = (entry: Entry): Either.Either<string, Problem> => {
  const encoded = encode(entry)
  if (Either.isLeft(encoded)) return unreadable(encoded.left)
  // What JSON leaves out (an undefined, a function) would only be noticed when it is needed.
  return mayLackValue.test(encoded.right) || entry._tag === "Suspended" || entry._tag === "Checkpoint"
    ? Either.map(fromJson(version, encoded.right), () => encoded.right)
    : Either.right(encoded.right)
}

/**
 * The entry of a stored form of any version up to this one.
 *
 * @category converters
 * @since 0.1.0
 */
export const fromJson = (version: number, json: string): Either.Either<Entry, Problem> => {
  if (version > latest) {
    return Either.left({ isNewer: true, message: "a newer version of axonal wrote it; upgrade to read it" })
  }
  const decoded = decode(json)
  return Either.isLeft(decoded) ? unreadable(decoded.left) : Either.right(decoded.right)
}

// internal

const latest = version

/**
 * Versions 1 to 3 differ only by kinds and optional fields that came later, so that one schema reads all. The first
 * shape that is really changed gets a schema of its own here, and a way from it to the next.
 */
const codec = Schema.parseJson(Entry)
const encode = Schema.encodeEither(codec)
const decode = Schema.decodeUnknownEither(codec)

/** The place of messages where any value may be, and one must. In texts and vendors' data, quotes are escaped. */
const mayLackValue = /"type":"json"/

const unreadable = (error: ParseResult.ParseError): Either.Either<never, Problem> =>
  Either.left({ isNewer: false, message: Problems.describe(error, "entry") })
