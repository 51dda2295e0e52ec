/**
 * Notices that a model repeats itself without end. Looks at the end of the text only, once every so many characters, so
 * the work is linear in the text.
 */

const every = 200
const span = 600
const longestPeriod = 150

/**
 * Watches a growing text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Detector {
  tail: string
  unseen: number
}

/**
 * A detector that has seen nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Detector => ({ tail: "", unseen: 0 })

/**
 * Whether the text, with this piece at its end, has come to repeat one short passage at least four times.
 *
 * @category combinators
 * @since 0.1.0
 */
export const push = (detector: Detector, delta: string): boolean => {
  detector.tail += delta
  detector.unseen += delta.length
  if (detector.unseen < every) return false
  detector.unseen = 0
  detector.tail = detector.tail.slice(-span)
  return detector.tail.length === span && smallestPeriod(detector.tail) <= longestPeriod
}

/** The shortest distance at which the text equals itself, by the prefix function of Knuth, Morris and Pratt. */
const smallestPeriod = (text: string): number => {
  const border = new Uint16Array(text.length)
  for (let index = 1, length = 0; index < text.length; index++) {
    while (length > 0 && text[index] !== text[length]) length = border[length - 1] ?? 0
    if (text[index] === text[length]) length++
    border[index] = length
  }
  return text.length - (border[text.length - 1] ?? 0)
}
