/** The compiler of natra's kernel programs. */
export {
  BackendError,
  type CompileOptions,
  type CompileResult,
  type Cpu,
  compile,
  compileTree,
} from './compile.ts';
export { type Diagnostic, formatDiagnostic } from './diagnostics/diagnostic.ts';
