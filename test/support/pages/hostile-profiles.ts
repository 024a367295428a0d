import type { CatalogProfile } from '#lib/catalog/entry';
import { catalogProfile } from './profiles.ts';

/** Texts that would be markup or change the order of letters if pages did not escape them. */
export const hostileTexts: readonly string[] = [
  `<script>document.title='hostile'</script><img src=x onerror="document.title='hostile'">`,
  `" onmouseover="document.title='hostile'" x="`,
  `'><svg onload=document.title='hostile'>`,
  'javascript:document.title=1',
  '&lt;b&gt; {{7*7}} <!--',
  'ملف \u202Etxt.exe\u202C \u2066nginx',
  `Z${'\u0301\u0336'.repeat(300)}algo`,
  'x'.repeat(10_000),
  'line\nbreak\u2028\u0000\u001B[31m',
];

/** A profile for each of these texts, which stands wherever a publisher may write. */
export const hostileProfiles: readonly CatalogProfile[] = hostileTexts.map((text, index) => {
  const profile = catalogProfile(`hostile/${index}/${text}`, text, { asked: 44 });
  const [version] = profile.versions;
  const entry = {
    ...version,
    summary: text,
    images: [text, `registry.example.com/${text}`],
    architectures: [text],
    signers: [{ issuer: text, identity: text }],
    annotations: { [text]: text },
    created: text,
  };
  return { ...profile, name: text, versions: [entry] };
});
