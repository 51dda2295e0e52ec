/**
 * Questions of a model to the person who types lines: the next line is the answer.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Answer, Question, Service } from "../../toolbox/AskUser.ts"
import { oneLine, printable } from "../internal/words.ts"

/**
 * Who answers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asking {
  readonly respond: Service
  /** Takes a line that was typed, when a question waits for one. */
  readonly answered: (line: string) => boolean
}

/**
 * Makes it. Questions are put one at a time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (note: (text: string) => void): Effect.Effect<Asking> =>
  Effect.gen(function* () {
    const turnstile = yield* Effect.makeSemaphore(1)
    let waits: ((line: string) => void) | undefined
    const respond: Service = (question) =>
      turnstile.withPermits(1)(
        Effect.flatMap(Deferred.make<Option.Option<Answer>>(), (answer) => {
          note(textOf(question))
          waits = (line) => {
            const read = answerOf(question, line)
            if (typeof read === "string") return note(`${read}\n`)
            waits = undefined
            Deferred.unsafeDone(answer, Effect.succeed(read))
          }
          return Effect.ensuring(
            Deferred.await(answer),
            Effect.sync(() => {
              waits = undefined
            })
          )
        })
      )
    return {
      respond,
      answered: (line) => {
        if (waits === undefined) return false
        waits(line)
        return true
      }
    }
  })

/**
 * The answer that a line gives: numbers or labels of options, or words. A line that is none says why; a blank one is no answer.
 *
 * @category converters
 * @since 0.1.0
 */
export const answerOf = (
  { allowOther, multiple, options }: Pick<Question, "allowOther" | "multiple" | "options">,
  line: string
): Option.Option<Answer> | string => {
  const text = line.trim()
  if (text === "") return Option.none()
  if (options.length === 0) return Option.some({ other: text })
  const label = options.find((option) => option.label.toLowerCase() === text.toLowerCase())
  if (label !== undefined) return Option.some({ chosen: [label.label] })
  if (/^\d+([\s,]+\d+)*$/.test(text)) {
    const chosen = [...new Set(text.split(/[\s,]+/))].map((number) => options[Number(number) - 1]?.label)
    const known = chosen.filter((label) => label !== undefined)
    if (known.length === chosen.length && (multiple || known.length === 1)) return Option.some({ chosen: known })
    return multiple ? `numbers from 1 to ${options.length}` : `one number from 1 to ${options.length}`
  }
  return allowOther ? Option.some({ other: text }) : `a number from 1 to ${options.length}`
}

// internal

const textOf = ({ allowOther, multiple, options, question }: Question): string => {
  const choices = options.map(({ description, label }, index) => {
    const what = description === undefined ? "" : `: ${oneLine(description)}`
    return `  ${index + 1} ${oneLine(label)}${what}\n`
  })
  const how = options.length === 0 ? "in words" : multiple ? "numbers" : "a number"
  const other = options.length > 0 && allowOther ? ", or other words" : ""
  return `? ${printable(question).trim()}\n${choices.join("")}  (${how}${other}; an empty line is no answer)\n`
}
