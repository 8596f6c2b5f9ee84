import path from 'node:path';
import { expect, it } from 'vitest';
import { DIAGNOSTICS } from '../compiler/diagnostics/table.ts';
import { TYPESCRIPT } from '../compiler/diagnostics/typescript.ts';
import { errorsPage } from './errors-page.ts';

const PAGE = path.resolve(import.meta.dirname, '../../docs/errors.md');

it('docs/errors.md says what the tables say', async () => {
  const page = errorsPage();
  for (const code of Object.keys(DIAGNOSTICS)) expect(page).toContain(` - error ${code}: `);
  for (const { code } of TYPESCRIPT) expect(page).toContain(` - error TS${code}: `);
  await expect(page).toMatchFileSnapshot(PAGE);
});
