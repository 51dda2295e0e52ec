/**
 * What has to hold of the project before anything is merged: every translation is JSON, has the keys of its original, and
 * has kept what stands in braces. A function of texts, so that it runs on a merge before it is written.
 */
import { Either, Schema } from "effect"
import type * as Tree from "./tree.ts"

const Texts = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.String }))
const decode = Schema.decodeUnknownEither(Texts)

/** What is wrong with the project, in words for whoever has to mend it. */
export const problems = (project: Tree.Tree): ReadonlyArray<string> =>
  [...project].flatMap(([name, text]) => {
    if (!name.startsWith("fr/")) return []
    const translated = decode(text)
    if (Either.isLeft(translated)) return [`${name} is not an object of texts in JSON`]
    const original = decode(project.get(name.replace("fr/", "en/")) ?? "")
    return Either.isLeft(original) ? [] : compare(name, original.right, translated.right)
  })

type Texts = typeof Texts.Type

const compare = (name: string, original: Texts, translated: Texts): ReadonlyArray<string> => {
  const keys = Object.keys(original)
  const others = Object.keys(translated).filter((key) => !keys.includes(key))
  return [
    ...others.map((key) => `${name} has a key ${key}, which the original does not have`),
    ...keys.flatMap((key) => {
      const text = translated[key]
      if (text === undefined) return [`${name} lacks the key ${key}`]
      const lost = (original[key]?.match(/\{\w+\}/g) ?? []).filter((placeholder) => !text.includes(placeholder))
      return lost.map((placeholder) => `${name} lost the placeholder ${placeholder} of ${key}`)
    })
  ]
}
