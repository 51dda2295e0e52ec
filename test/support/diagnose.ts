/**
 * What the compiler says about programs that exist in memory only: for tests that read its words.
 */
import ts from "typescript59"
import { root } from "./sources.ts"

/** What TypeScript 5.9 says about programs, by line. They stand beside the type tests, under their names. */
export const diagnose = <Name extends string>(
  texts: Readonly<Record<Name, string>>
): Readonly<Record<Name, ReadonlyArray<readonly [line: string, problem: string]>>> => {
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const files = new Map(Object.entries<string>(texts).map(([name, text]) => [`${root}/test/types/${name}.ts`, text]))
  const host = ts.createCompilerHost(options)
  const { fileExists, getSourceFile, readFile } = host
  host.fileExists = (file) => files.has(file) || fileExists(file)
  host.readFile = (file) => files.get(file) ?? readFile(file)
  host.getSourceFile = (file, version, ...rest) => {
    const text = files.get(file)
    return text === undefined ? getSourceFile(file, version, ...rest) : ts.createSourceFile(file, text, version)
  }
  const program = ts.createProgram([...files.keys()], options, host)
  const said = (file: string, text: string) => {
    const source = program.getSourceFile(file)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      (diagnostic) =>
        [
          `${text.slice(diagnostic.start).split("\n")[0]}`,
          ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")
        ] as const
    )
  }
  const names = Object.keys(texts)
  return Object.fromEntries([...files].map(([file, text], index) => [names[index], said(file, text)]))
}
