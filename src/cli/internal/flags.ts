/**
 * What the readers of arguments share: their outcome, and what they say of flags that several commands have.
 */
import { nearest } from "../../internal/nearest.ts"
import { isHttp } from "./address.ts"

/**
 * What is wrong, without a full stop.
 *
 * @category models
 * @since 0.1.0
 */
export interface Invalid {
  readonly _tag: "Invalid"
  readonly message: string
}

/**
 * The outcome of reading what follows a command.
 *
 * @category models
 * @since 0.1.0
 */
export type Parsed<Options> =
  | { readonly _tag: "Asked"; readonly options: Options }
  | { readonly _tag: "Help" }
  | Invalid

/**
 * The outcome of arguments that are wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (message: string): Invalid => ({ _tag: "Invalid", message })

/**
 * Node's message for a flag it does not know or a value that is missing, shorter and with a suggestion among the known
 * flags.
 *
 * @category converters
 * @since 0.1.0
 */
export const explain = (error: unknown, known: ReadonlyArray<string>): string => {
  const text = error instanceof Error ? error.message : String(error)
  const unknown = /^Unknown option '(-[^']*)'/.exec(text)?.[1]
  if (unknown !== undefined) {
    const near = nearest(unknown.replace(/^-+/, ""), known)
    return `unknown flag ${unknown}${near === undefined ? "" : `, did you mean --${near}?`}`
  }
  const missing = /^Option '(?:-\w, )?(--[\w-]+)(?: <value>)?' argument/.exec(text)?.[1]
  if (missing !== undefined) {
    return /ambiguous/.test(text)
      ? `${missing} needs a value; for one that begins with - write ${missing}=VALUE`
      : `${missing} needs a value`
  }
  const extra = /^Option '(?:-\w, )?(--[\w-]+)' does not take an argument/.exec(text)?.[1]
  return extra === undefined ? (text.split("\n")[0] ?? text) : `${extra} takes no value`
}

/**
 * What is wrong with a flag that was given nothing, among those of these names.
 *
 * @category converters
 * @since 0.1.0
 */
export const blankOf = <Name extends string>(
  values: { readonly [_ in Name]?: string | undefined },
  names: ReadonlyArray<Name>
): string | undefined => {
  const blank = names.find((name) => values[name]?.trim() === "")
  return blank === undefined ? undefined : `--${blank} is empty`
}

/**
 * What is wrong with the flags that say which model answers.
 *
 * @category converters
 * @since 0.1.0
 */
export const modelProblemOf = (values: {
  readonly "base-url"?: string | undefined
  readonly model?: string | undefined
  readonly offline?: boolean | undefined
}): string | undefined => {
  const url = values["base-url"]
  if (url !== undefined && !isHttp(url)) return `--base-url is an http or https address, not "${url}"`
  return values.offline === true && (url !== undefined || values.model !== undefined)
    ? "--offline has no model: leave out --model and --base-url"
    : undefined
}

/**
 * What is wrong with the flags that say in which session a run goes on, and whether it is kept.
 *
 * @category converters
 * @since 0.1.0
 */
export const sessionProblemOf = (values: {
  readonly session?: string | undefined
  readonly continue?: boolean | undefined
  readonly "no-save"?: boolean | undefined
}): string | undefined => {
  if (values.session !== undefined && values.continue === true) return "--session and --continue exclude each other"
  return values.continue === true && values["no-save"] === true
    ? "--continue needs saved sessions, --no-save keeps none"
    : undefined
}
