/**
 * The table of commands.
 */
import * as Effect from "effect/Effect"
import * as May from "./may.ts"
import * as Model from "./model.ts"
import * as Out from "./out.ts"
import * as Parts from "./parts.ts"
import type { Command, Entry } from "./place.ts"
import { refused, said } from "./place.ts"
import * as Session from "./session.ts"
import * as View from "./view.ts"

/**
 * The commands, in the order in which they are told.
 *
 * @category constructors
 * @since 0.1.0
 */
export const entries = (): ReadonlyArray<Entry> => whole

/**
 * The command of a name or an alias.
 *
 * @category constructors
 * @since 0.1.0
 */
export const find = (name: string): Entry | undefined =>
  whole.find((entry) => entry.name === name || entry.aliases.includes(name))

// internal

/** What `/help` says of all commands. */
const help = (): string => {
  const width = Math.max(...whole.map((command) => usageOf(command).length))
  return [...whole.map((command) => `${usageOf(command).padEnd(width)}  ${command.summary}`), "", ...besides].join("\n")
}

const own: Entry = {
  ...{ name: "help", aliases: ["?"], words: "[COMMAND]", summary: "this text, or what one command does" },
  act: (words) =>
    Effect.suspend(() => {
      if (words === "") return Effect.succeed(said(help()))
      const found = find(words.replace(/^\//, ""))
      return found === undefined ? refused("help", "the name of a command", words) : Effect.succeed(said(lineOf(found)))
    }),
  complete: () => Effect.sync(() => whole.map(({ name, summary }) => ({ value: name, label: name, detail: summary })))
}

const whole: ReadonlyArray<Entry> = [
  own,
  ...Model.entries,
  ...Parts.entries,
  ...May.entries,
  ...Session.entries,
  ...View.entries.slice(0, -1),
  ...Out.entries,
  ...View.entries.slice(-1)
]

const usageOf = ({ name, words }: Command): string => `/${name} ${words}`.trimEnd()

const lineOf = (command: Command): string => {
  const others = command.aliases.map((alias) => `/${alias}`).join(", ")
  return `${usageOf(command)}: ${command.summary}${others === "" ? "" : ` (also ${others})`}`
}

const besides: ReadonlyArray<string> = [
  "!COMMAND runs a command in the sandbox; the model sees its output with your next words.",
  "@PATH names a file; images, sound and PDF go along where the model can take them.",
  "What you type while it works joins before its next step; after & it waits until the answer is there.",
  "Anything else is sent to the agent."
]
