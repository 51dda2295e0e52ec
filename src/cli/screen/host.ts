/**
 * What the screen and the conversation behind it know of each other. The screen is there first; the conversation comes to it
 * when it is put together.
 */
import type { Stored } from "../../domain/Entry.ts"
import type { Decision } from "../../guard/Approval.ts"
import type { Answer } from "../../toolbox/AskUser.ts"
import type { Item } from "../assistant/commands/commands.ts"
import type { How, News } from "../assistant/conversation.ts"
import type { Figures } from "../assistant/figures.ts"
import type { Save } from "../saved.ts"
import type { Ask } from "./state.ts"

/**
 * The conversation, as the screen uses it. Nothing here waits or throws: what comes of it, the screen is told.
 *
 * **Details**
 *
 * - `submit`: words, a command that begins with `/`, or one for the shell that begins with `!`.
 * - `isWorking`: a run, a command for the shell or one of the conversation works; `stop` ends it.
 * - `completions`: for the beginning of a command. `files`: paths below the folder, for `@`; both never reject.
 * - `attach`: a path that was pasted, as a word that stands for the file, when it is one that can be sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Host {
  readonly status: () => Figures
  readonly isWorking: () => boolean
  readonly submit: (text: string, how: How) => void
  readonly command: (line: string) => void
  readonly stop: () => void
  readonly permission: () => void
  readonly decided: (id: number, decision: Decision) => void
  readonly answered: (id: number, answer: Answer | undefined) => void
  readonly history: () => ReadonlyArray<string>
  readonly remember: (text: string) => void
  readonly completions: (line: string) => Promise<ReadonlyArray<Item>>
  readonly files: () => Promise<ReadonlyArray<string>>
  readonly attach: (pasted: string) => string | undefined
}

/**
 * The screen, as the conversation uses it.
 *
 * **Details**
 *
 * - `left` resolves once the person wants to leave. `copy` puts a text into the clipboard. `uncolor`: there are no colours
 *   from now on. `saveBy`: what keeps files that cannot be shown.
 *
 * @category models
 * @since 0.1.0
 */
export interface Face {
  readonly left: Promise<void>
  readonly size: () => { readonly columns: number; readonly rows: number }
  readonly hasColor: () => boolean
  readonly ready: (host: Host) => void
  readonly news: (news: News) => void
  readonly restore: (entries: ReadonlyArray<Stored>) => void
  readonly clear: () => void
  readonly uncolor: () => void
  readonly saveBy: (save: Save) => void
  readonly ask: (ask: Ask) => void
  readonly withdraw: (id: number) => void
  readonly choose: (title: string, command: string, items: ReadonlyArray<Item>) => void
  readonly edit: (text: string) => void
  readonly copy: (text: string) => void
  readonly leave: () => void
  readonly refresh: () => void
}
