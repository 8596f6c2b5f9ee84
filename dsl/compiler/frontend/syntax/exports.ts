/** What a module is for. */
import { ts } from 'ts-morph';

const isExported = (statement: ts.Statement): boolean =>
  ts.isExportDeclaration(statement) ||
  (ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword));

/** Whether a module of this text has anything for others: a program, or what other modules import. */
export const hasExports = (text: string): boolean =>
  ts.createSourceFile('module.ts', text, ts.ScriptTarget.ES2022).statements.some(isExported);
