import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isNamedByContent, isProfileName, nameByContent } from './profile-name.ts';
import { renderForNode } from './render.ts';

describe('the name of an AppArmor profile on a node', () => {
  it('is made from the content, and stays below what the kernel can take', () => {
    const open = renderForNode({ mode: 'Enforce' });
    assert.match(open.name, /^fairlead\/[0-9a-f]{64}$/);
    assert.ok(open.text.includes(`profile "${open.name}" `) && open.text.includes(`peer="${open.name}"`));
    assert.deepEqual(renderForNode({ mode: 'Enforce' }), open);
    const complaining = renderForNode({ mode: 'Complain' });
    const closed = renderForNode({ mode: 'Enforce', capability: { allowedCapabilities: [] } });
    assert.equal(new Set([open.name, complaining.name, closed.name]).size, 3);
    for (const profile of [open, complaining, closed]) assert.ok(isNamedByContent(profile));
  });

  it('does not fit another text', () => {
    const { name, text } = renderForNode({ mode: 'Enforce' });
    assert.ok(!isNamedByContent({ name, text: `${text} ` }));
    assert.ok(!isNamedByContent({ name, text: text.replaceAll(name, 'fairlead-content').concat(name) }));
    const other = name.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    assert.ok(!isNamedByContent({ name: other, text: text.replaceAll(name, other) }));
    assert.ok(!isNamedByContent({ name: 'docker-default', text: text.replaceAll(name, 'docker-default') }));
  });

  it('fits a text that mentions what stands for the name', () => {
    const path = '/fairlead-content/"fairlead-content"';
    const profile = nameByContent((name) => `profile "${name}" { ${path} r, }`);
    assert.ok(profile.text.includes(path) && isNamedByContent(profile));
  });

  it('is told from other names', () => {
    const hex = 'a'.repeat(64);
    assert.ok(isProfileName(`fairlead/${hex}`));
    for (const name of ['', hex, `fairlead/${hex}0`, `fairlead/${hex}\n`, `fairlead/${'A'.repeat(64)}`])
      assert.ok(!isProfileName(name), JSON.stringify(name));
    for (const name of [`/fairlead/${hex}`, `:ns:fairlead/${hex}`, `fairlead/${hex}//hat`, `fairlead/${hex}//&a`])
      assert.ok(!isProfileName(name), name);
  });
});
