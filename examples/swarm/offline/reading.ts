/** What a scripted model reads of its conversation, so that what it does follows from what really happened. */
import type { Transport } from "axonal"
import { Message, Part } from "axonal"

export interface Result {
  readonly name: string
  readonly isOk: boolean
  readonly text: string
}

const resultsOf = (messages: ReadonlyArray<Message.Message>): ReadonlyArray<Result> =>
  messages.flatMap(({ parts }) =>
    parts.flatMap((part) =>
      part.type === "tool-result"
        ? [{ name: part.name, isOk: part.outcome === "ok", text: Part.contentToText(part.content) }]
        : []
    )
  )

export const read = ({ messages }: Transport.Request) => {
  const task = Message.toText(messages.find(({ role }) => role === "user") ?? Message.user(""))
  const results = resultsOf(messages)
  return {
    task,
    /** Of the board: the task that the lead has named. */
    id: /Task (\S+)/.exec(task)?.[1] ?? "",
    /** How often the model has answered. */
    turn: messages.filter(({ role }) => role === "assistant").length,
    /** What came back last, together. */
    last: resultsOf(messages.slice(-1)),
    /** What a tool answered last. */
    of: (name: string): Result | undefined => results.findLast((result) => result.name === name)
  }
}
