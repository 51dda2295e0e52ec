/**
 * What every face tells of a conversation besides its news: what it means that nobody is asked, and how it goes on once it is
 * left.
 */
import { oneLine } from "../internal/words.ts"
import type { Settings } from "../settings.ts"
import type { Conversation } from "./conversation.ts"

/**
 * What it means to run everything unasked.
 *
 * @category converters
 * @since 0.1.0
 */
export const yolo = ({ sandbox }: Pick<Settings, "sandbox">): string => {
  const where = sandbox.kind === "local" ? "on this machine, as you" : `in the ${sandbox.kind} sandbox`
  return `YOLO: commands run and files change ${where}, and nobody is asked first.`
}

/**
 * Watches a conversation that a face listens to, for the words that say how it goes on; none where its session is not kept.
 *
 * **Details**
 *
 * - `--continue` goes on with what was written last: not with a session that was switched to and in which nothing was said.
 *
 * @category constructors
 * @since 0.1.0
 */
export const goingOn = (conversation: Conversation): (() => string | undefined) => {
  let isLatest = true
  conversation.listen((news) => {
    if (news._tag === "Switched") isLatest = false
    else if (news._tag === "Settled" && news.problem === undefined && news.end?.reason !== "stopped") isLatest = true
  })
  return () => {
    const session = oneLine(conversation.session())
    const how = isLatest ? "--continue" : `--session ${session}`
    return conversation.assistant.settings.save ? `session ${session}, go on with: axonal ${how}` : undefined
  }
}
