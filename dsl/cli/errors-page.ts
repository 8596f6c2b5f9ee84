/** docs/errors.md: the diagnostics table as a page, each code with its example and what the compiler says of it. */
import { compile } from '../compiler/compile.ts';
import { formatDiagnostic } from '../compiler/diagnostics/diagnostic.ts';
import { EXAMPLES, OTHER_FILES } from '../compiler/diagnostics/examples.ts';
import { DIAGNOSTICS, type DiagnosticCode } from '../compiler/diagnostics/table.ts';
import { TYPESCRIPT, type TypescriptRow } from '../compiler/diagnostics/typescript.ts';
import { moduleOf } from '../compiler/frontend/testing.ts';

const GROUPS: Readonly<Record<string, string>> = {
  1: 'Syntax and JavaScript at large',
  2: 'Integers and types',
  3: 'Memory',
  4: 'Control flow',
  5: 'Programs and functions',
};

const INTRODUCTION = `# What the compiler refuses

\`npm run natra -- check FILE...\` prints these; \`--json\` gives them as data. Codes are stable. Each example stands in
\`programs/example.ts\` below a first line that imports everything of dsl/lang, and is followed by what the compiler
says of it. TypeScript's own errors keep TypeScript's own numbers (TS2322, ...) and words; those that writers of kernel
programs meet are at the end. N9000 is no refusal but a failure of the compiler itself: no source should ever trigger it, so
report it with the lines that it points at. N9001 is said of what is nested hundreds of levels deep: give parts of it names
with const, or move them to functions.

This page is made from dsl/compiler/diagnostics; \`npx vitest run dsl/cli/errors-page.test.ts -u\` writes it anew.
`;

const isCode = (code: string): code is DiagnosticCode => code in DIAGNOSTICS;

/** A title whose placeholders stand out from its words. */
const heading = (title: string): string => title.replaceAll(/\{(\w+)\}/g, '*$1*');

/** An example with what the compiler says of it, and the first line of that. */
function told(example: string, other?: string): { readonly text: string; readonly message: string } {
  const module = moduleOf(example, other === undefined ? {} : { 'other.ts': other });
  const { diagnostics } = compile(...module);
  const sources = new Map(
    diagnostics.map(({ span }) => [span.file, module[1].readFile(`${module[1].root}${span.file}`) ?? '']),
  );
  const said = diagnostics.map((each) => formatDiagnostic(each, sources)).join('\n\n');
  const beside = other === undefined ? '' : `\nwith \`programs/other.ts\`\n\n\`\`\`ts\n${other}\n\`\`\`\n`;
  const text = `\`\`\`ts\n${example}\n\`\`\`\n${beside}\n\`\`\`text\n${said}\n\`\`\`\n`;
  return { text, message: diagnostics[0]?.message.split('\n')[0] ?? '' };
}

const section = (code: DiagnosticCode): string =>
  `### ${code}: ${heading(DIAGNOSTICS[code].title)}\n\n${told(EXAMPLES[code], OTHER_FILES[code]).text}`;

function typescriptSection({ code, example }: TypescriptRow): string {
  const { text, message } = told(example);
  return `### TS${code}: ${message}\n\n${text}`;
}

/** The whole page. */
export function errorsPage(): string {
  const codes = Object.keys(DIAGNOSTICS).filter(isCode);
  const groups = Object.entries(GROUPS).map(([digit, title]) => {
    const sections = codes.filter((code) => code[1] === digit).map(section);
    return `## ${title}\n\n${sections.join('\n')}`;
  });
  const own = `## TypeScript's own\n\n${TYPESCRIPT.map(typescriptSection).join('\n')}`;
  return [INTRODUCTION, ...groups, own].join('\n');
}
