/**
 * What the doctor finds, one thing at a time.
 */

/**
 * Something that was looked at.
 *
 * **Details**
 *
 * - `state`: `problem` for what was asked for and does not work, `warning` for what is worth a look.
 * - `fix`: what to do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Finding {
  readonly about: string
  readonly state: "ok" | "warning" | "problem"
  readonly text: string
  readonly fix?: string
}

/**
 * A finding with which all is well.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ok = (about: string, text: string): Finding => ({ about, state: "ok", text })

/**
 * One that is worth a look.
 *
 * @category constructors
 * @since 0.1.0
 */
export const warning = (about: string, text: string, fix?: string): Finding => ({
  ...{ about, state: "warning", text },
  ...(fix === undefined ? undefined : { fix })
})

/**
 * One that does not work.
 *
 * @category constructors
 * @since 0.1.0
 */
export const problem = (about: string, text: string, fix?: string): Finding => ({
  ...{ about, state: "problem", text },
  ...(fix === undefined ? undefined : { fix })
})

/**
 * A key as it may be shown: three characters of its beginning and two of its end, when it is long, and never more.
 *
 * @category converters
 * @since 0.1.0
 */
export const masked = (key: string): string => (key.length < 20 ? "set" : `${key.slice(0, 3)}…${key.slice(-2)}`)
