/**
 * `node test/support/seed-catalog/write-profiles.ts`: writes the profiles of examples/catalog and
 * the table in its README.md, of what record.ts has recorded.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { catalogFile, profileOf, renderProfile } from './profiles.ts';
import { catalogPrograms } from './programs.ts';
import { catalogTable, replaceTable } from './table.ts';

for (const program of catalogPrograms) {
  writeFileSync(catalogFile(`${program.name}.json`), renderProfile(profileOf(program)));
}
const readme = catalogFile('README.md');
writeFileSync(readme, replaceTable(readFileSync(readme, 'utf8'), catalogTable()));
