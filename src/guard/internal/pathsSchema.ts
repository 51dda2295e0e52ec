/** Finds the fields of a schema that carry an annotation, at any depth, as the names that lead to them in JSON. */
import * as Option from "effect/Option"
import * as AST from "effect/SchemaAST"

/** The annotated fields, `*` standing for the items of lists and the values of records. */
export const annotated = (ast: AST.AST, key: symbol): ReadonlyArray<readonly [field: string, value: unknown]> => {
  const found = new Map<string, unknown>()
  const waiting: Array<Place> = [{ at: ast, keys: [] }]
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const value = Option.getOrUndefined(AST.getAnnotation(place.at, key))
    if (value !== undefined && place.keys.length > 0) found.set(place.keys.join("."), value)
    if (place.keys.length < maxDepth) waiting.push(...below(place))
  }
  return [...found]
}

interface Place {
  readonly at: AST.Annotated & { readonly _tag?: AST.AST["_tag"] }
  readonly keys: ReadonlyArray<string>
}

/** Recursive schemas end here. */
const maxDepth = 6

const below = ({ at, keys }: Place): ReadonlyArray<Place> => {
  if (at instanceof AST.PropertySignature) return [{ at: at.type, keys }]
  if (at instanceof AST.Refinement) return [{ at: at.from, keys }]
  // An annotation on what a field is decoded to is about the same field; names are those of the JSON.
  if (at instanceof AST.Transformation)
    return [...(AST.isTypeLiteral(at.to) ? [] : [at.to]), at.from].map((at) => ({ at, keys }))
  if (at instanceof AST.Suspend) return [{ at: at.f(), keys }]
  if (at instanceof AST.Union) return at.types.map((at) => ({ at, keys }))
  if (at instanceof AST.TupleType)
    return [...at.elements, ...at.rest].map(({ type }) => ({ at: type, keys: [...keys, "*"] }))
  return at instanceof AST.TypeLiteral
    ? [
        ...at.propertySignatures.map((at) => ({ at, keys: [...keys, String(at.name)] })),
        ...at.indexSignatures.map(({ type }) => ({ at: type, keys: [...keys, "*"] }))
      ]
    : []
}
