import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { FairleadError } from '#lib/errors';
import { asksForJson, writeError } from './output.ts';

/** What writeError prints. */
function printed(error: FairleadError, form: 'text' | 'json'): string {
  const write = mock.method(process.stderr, 'write', () => true);
  try {
    writeError(error, form);
    return write.mock.calls.map(({ arguments: [text] }) => text).join('');
  } finally {
    write.mock.restore();
  }
}

describe('writeError', () => {
  const cause = new Error('connect ECONNREFUSED', { cause: new Error('the bottom of it') });
  const error = new FairleadError('Unavailable', 'registry.example.com does not answer', { cause, hint: 'Is it up?' });

  it('says message, causes and hint, one to a line', () => {
    assert.equal(
      stripVTControlCharacters(printed(error, 'text')),
      [
        'error: registry.example.com does not answer',
        '  cause: connect ECONNREFUSED',
        '  cause: the bottom of it',
        'hint: Is it up?',
        '',
      ].join('\n'),
    );
  });

  it('lets nothing that is quoted make a line of its own, and details do', () => {
    const evil = 'x\n::add-mask::y';
    const details = [`first ${evil}`, 'second'];
    const told = new FairleadError('SignatureInvalid', `a ${evil}`, { cause: new Error(evil), hint: evil, details });
    assert.equal(
      stripVTControlCharacters(printed(told, 'text')),
      [
        'error: a x\\u{a}::add-mask::y',
        '  first x\\u{a}::add-mask::y',
        '  second',
        'hint: x\\u{a}::add-mask::y',
        '',
      ].join('\n'),
    );
    assert.equal(told.message, `a ${evil}\n  first ${evil}\n  second`);
  });

  it('does not repeat what was said', () => {
    const outer = new FairleadError('InvalidInput', 'a.json: not JSON', { cause: new Error('not JSON') });
    assert.doesNotMatch(printed(outer, 'text'), /cause/);
  });

  it('ends where causes run in a circle', () => {
    const circle = new Error('round');
    circle.cause = circle;
    assert.match(printed(new FairleadError('Internal', 'and', { cause: circle }), 'text'), /cause: round\n$/);
  });

  it('says the same as one JSON document', () => {
    assert.deepEqual(JSON.parse(printed(error, 'json')), {
      error: {
        kind: 'Unavailable',
        message: 'registry.example.com does not answer',
        causes: ['connect ECONNREFUSED', 'the bottom of it'],
        hint: 'Is it up?',
      },
    });
  });
});

describe('asksForJson', () => {
  it('knows both ways to write the option', () => {
    assert.equal(asksForJson(['pull', '--output', 'json']), true);
    assert.equal(asksForJson(['pull', '--output=json']), true);
    assert.equal(asksForJson(['pull', '--output', 'text', 'json']), false);
    assert.equal(asksForJson(['pull', 'json']), false);
  });
});
