/**
 * What a transcript is made of. Blocks are what news is folded into; they hold what is drawn, and change as more of it comes.
 */
import type { CallOutcome } from "../../../domain/Outcome.ts"
import type { File, ResultContent } from "../../../domain/Part.ts"
import type * as PartialJson from "../../../tool/PartialJson.ts"
import type { How } from "../../assistant/conversation.ts"
import type { Markdown } from "./markdown.ts"

/**
 * What opens and closes. `line` is where its head was drawn last, in lines of its block.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fold {
  isOpen: boolean
  isChosen: boolean
  line: number
}

/**
 * Words of the person. `how` says how they will join, until they have.
 *
 * @category models
 * @since 0.1.0
 */
export interface Words {
  readonly _tag: "Words"
  readonly text: string
  readonly files: ReadonlyArray<File>
  how: How | undefined
  readonly fold: Fold
}

/**
 * A stretch of an answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly _tag: "Answer"
  readonly markdown: Markdown
  /** Whether it goes on with what the block before ended with. */
  readonly isMore: boolean
}

/**
 * Readable reasoning. Times in milliseconds since the epoch; unknown of stored ones.
 *
 * @category models
 * @since 0.1.0
 */
export interface Thought {
  readonly _tag: "Thought"
  text: string
  readonly since: number | undefined
  until: number | undefined
  isOver: boolean
  readonly fold: Fold
}

/**
 * How far a call has come.
 *
 * @category models
 * @since 0.1.0
 */
export type State = "writing" | "waiting" | "asking" | "working" | CallOutcome

/**
 * A call of a tool.
 *
 * **Details**
 *
 * - `arguments`: what has arrived of them, while they are written. `written`: how many characters that is.
 * - `output`: the end of what it has shown while it works. `remarks`: of guards and of the person.
 * - `runs`: of agents below it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly _tag: "Call"
  readonly id: string
  readonly name: string
  state: State
  arguments: PartialJson.ValueReader | undefined
  input: unknown
  written: number
  output: string
  since: number | undefined
  millis: number | undefined
  content: ReadonlyArray<ResultContent>
  display: ReadonlyArray<ResultContent> | undefined
  remarks: ReadonlyArray<string>
  readonly files: Array<File>
  readonly runs: Array<Run>
  /** Whether it is shown open until the person says otherwise. */
  readonly fold: Fold
}

/**
 * A run below a call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Run {
  readonly id: string
  readonly agent: string
  doing: string
  calls: number
  tokens: number
  end: string | undefined
  readonly blocks: Array<Block>
  /** How many of its blocks were dropped. */
  dropped: number
  readonly fold: Fold
}

/**
 * A command that the person runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shell {
  readonly _tag: "Shell"
  readonly id: number
  readonly command: string
  output: string
  outcome: string | undefined
  isOk: boolean
  readonly fold: Fold
}

/**
 * A remark about the conversation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Note {
  readonly _tag: "Note"
  readonly kind: "info" | "warning" | "error" | "quiet"
  readonly text: string
}

/**
 * A file that came out. `image` is its number when it is a picture that is drawn, 0 for any other.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output {
  readonly _tag: "Output"
  readonly file: File
  readonly image: number
}

/**
 * Sources of an answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sources {
  readonly _tag: "Sources"
  readonly list: Array<{ readonly title: string; readonly url: string }>
}

/**
 * The end of a run, in a line.
 *
 * @category models
 * @since 0.1.0
 */
export interface Footer {
  readonly _tag: "Footer"
  readonly text: string
}

/**
 * Any block.
 *
 * @category models
 * @since 0.1.0
 */
export type Block = Words | Answer | Thought | Call | Shell | Note | Output | Sources | Footer

/**
 * Makes a fold.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fold = (isOpen = false): Fold => ({ isOpen, isChosen: false, line: 0 })

/**
 * What opens and closes in a block, in the order in which it is drawn; what is closed hides what is in it.
 *
 * @category converters
 * @since 0.1.0
 */
export const foldsOf = (block: Block): ReadonlyArray<Fold> => {
  switch (block._tag) {
    case "Words":
      return isLong(block) ? [block.fold] : []
    case "Thought":
    case "Shell":
      return [block.fold]
    case "Call":
      return [
        block.fold,
        ...block.runs.flatMap((run) => [run.fold, ...(run.fold.isOpen ? run.blocks.flatMap(foldsOf) : [])])
      ]
    default:
      return []
  }
}

/**
 * Whether words of the person are too many to be shown at once.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isLong = ({ text }: Words): boolean => {
  if (text.length > 100 * shownLines) return true
  let lines = 0
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) if (++lines >= shownLines) return true
  return false
}

/**
 * How many lines of words are shown before they are opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const shownLines = 16

/**
 * Roughly how many characters a block keeps.
 *
 * @category converters
 * @since 0.1.0
 */
export const sizeOf = (block: Block): number => {
  switch (block._tag) {
    case "Words":
      return block.text.length + filesSize(block.files)
    case "Answer":
      return block.markdown.size()
    case "Thought":
      return block.text.length
    case "Call":
      return (
        200 +
        block.written +
        block.output.length +
        contentSize(block.content) +
        contentSize(block.display ?? []) +
        filesSize(block.files) +
        block.runs.reduce((sum, { blocks }) => sum + blocks.reduce((sum, block) => sum + sizeOf(block), 0), 0)
      )
    case "Shell":
      return block.command.length + block.output.length
    case "Output":
      return filesSize([block.file])
    default:
      return 100
  }
}

// internal

const filesSize = (files: ReadonlyArray<File>): number =>
  files.reduce(
    (sum, { data }) => sum + ("text" in data ? data.text.length : "base64" in data ? data.base64.length : 100),
    0
  )

const contentSize = (content: ReadonlyArray<ResultContent>): number =>
  content.reduce(
    (sum, part) => sum + (part.type === "text" ? part.text.length : part.type === "file" ? filesSize([part]) : 200),
    0
  )
