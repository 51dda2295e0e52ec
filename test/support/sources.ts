/**
 * What the guard tests read from a source file without running it: its imports, its names and texts outside comments,
 * the names it exports; and the files of the project.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
// TypeScript 7 offers no parser to programs; the version kept for the consumer check does.
import ts from "typescript59"

export interface Imported {
  readonly specifier: string
  /** `type` is erased, `dynamic` is an `import()` that waits until it is called. */
  readonly kind: "value" | "type" | "dynamic"
}

export interface Source {
  readonly imports: ReadonlyArray<Imported>
  /** Identifiers and literals outside comments, without the specifiers of imports. */
  readonly texts: ReadonlyArray<string>
}

export const parse = (path: string, source: string): Source => {
  const imports: Array<Imported> = []
  const texts: Array<string> = []
  const add = (node: ts.Expression | ts.TypeNode | undefined, kind: Imported["kind"]): void => {
    const literal = node !== undefined && ts.isLiteralTypeNode(node) ? node.literal : node
    if (literal !== undefined && ts.isStringLiteralLike(literal)) {
      imports.push({ specifier: literal.text, kind })
    }
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.isTypeOnly === true ? "type" : "value")
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly ? "type" : "value")
    } else if (ts.isImportTypeNode(node)) {
      add(node.argument, "type")
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], "dynamic")
    }
    const isText = ts.isIdentifier(node) || ts.isLiteralExpression(node) || ts.isTemplateLiteralToken(node)
    if (isText && !isSpecifier(node)) {
      texts.push(node.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true))
  return { imports, texts }
}

/** The names of the interfaces and types that a module exports; `import()` shows only its values. */
export const exportedTypes = (source: string): ReadonlyArray<string> =>
  ts
    .createSourceFile("module.ts", source, ts.ScriptTarget.Latest)
    .statements.filter((node) => ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node))
    .filter((node) => node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword))
    .map((node) => node.name.text)

/** The text files below some folders of the project, `{ path: source }`, in order of their paths. */
export const readProject = (folders: ReadonlyArray<string>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    folders
      .filter((folder) => existsSync(`${root}/${folder}`))
      .flatMap((folder) =>
        readdirSync(`${root}/${folder}`, { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`)
      )
      .filter((path) => /\.(ts|tsx|mts|mjs)$/.test(path) && !path.startsWith("test/fixtures/"))
      .sort()
      .map((path) => [path, readFileSync(`${root}/${path}`, "utf8")])
  )

export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "")

// internal

const isSpecifier = (node: ts.Node): boolean =>
  ts.isImportDeclaration(node.parent) || ts.isExportDeclaration(node.parent)
