/**
 * `node test/support/seed-catalog/write-profiles.ts`: writes the profiles of examples/catalog and
 * the table in its README.md, of what record.ts has recorded.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { renderSeccompJson } from '#lib/profile/seccomp/write/render-json';
import { catalogFile, profileOf } from './profiles.ts';
import { catalogPrograms } from './programs.ts';
import { catalogTable, replaceTable } from './table.ts';
import { writeJson } from './write-json.ts';

for (const program of catalogPrograms) {
  writeJson(catalogFile(`${program.name}.json`), renderSeccompJson(profileOf(program)));
}
const readme = catalogFile('README.md');
writeFileSync(readme, replaceTable(readFileSync(readme, 'utf8'), catalogTable()));
