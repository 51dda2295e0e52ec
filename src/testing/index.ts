/**
 * What tests of agents are written with. Needs no test runner; the suites in `testing/Suites` do.
 */
export * as Cassette from "./Cassette.ts"
export * as ScriptedTransport from "./ScriptedTransport.ts"
export * as Trace from "./Trace.ts"
