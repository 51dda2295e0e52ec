/**
 * What the compiler says about a program that exists in memory only: for tests that read its words.
 */
import ts from "typescript59"
import { root } from "./sources.ts"

/** What TypeScript 5.9 says about a program, by line. The program stands beside the type tests, under this name. */
export const diagnose = (file: string, text: string): ReadonlyArray<readonly [line: string, problem: string]> => {
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const name = `${root}/test/types/${file}.ts`
  const host = ts.createCompilerHost(options)
  const { fileExists, getSourceFile, readFile } = host
  host.fileExists = (file) => file === name || fileExists(file)
  host.readFile = (file) => (file === name ? text : readFile(file))
  host.getSourceFile = (file, version, ...rest) =>
    file === name ? ts.createSourceFile(file, text, version) : getSourceFile(file, version, ...rest)
  const program = ts.createProgram([name], options, host)
  const source = program.getSourceFile(name)
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((diagnostic) => [
    `${text.slice(diagnostic.start).split("\n")[0]}`,
    ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")
  ])
}
