/** The compiler of natra's kernel programs. */
export {
  type BackEnd,
  BackendError,
  type Begun,
  beginTree,
  type Checked,
  type CompileOptions,
  type CompileResult,
  type Cpu,
  compile,
  compileOn,
  compileTree,
} from './compile.ts';
export { type Diagnostic, formatDiagnostic } from './diagnostics/diagnostic.ts';
export { collectYoung } from './garbage.ts';
export { objectAgain, objectOf } from './generate.ts';
export { RememberedCode } from './remembered.ts';
