import { createHash } from 'node:crypto';
import { base } from './base.ts';
import { catalog } from './catalog.ts';
import { components } from './components.ts';
import { controls } from './controls.ts';
import { forms } from './forms.ts';
import { layout } from './layout.ts';
import { media } from './media.ts';
import { profile } from './profile.ts';
import { reference } from './reference.ts';
import { tokens } from './tokens.ts';
import { why } from './why.ts';

const text = [tokens, base, layout, controls, components, catalog, forms, reference, profile, why, media]
  .join('')
  .replace(/^ +/gm, '')
  .replace(/\n{2,}/g, '\n');

/** The style sheet of all pages. Its name changes with its content, so that caches may keep it. */
export const stylesheet = {
  text,
  path: `/assets/style.${createHash('sha256').update(text).digest('hex').slice(0, 16)}.css`,
} as const;
