import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { FairleadError } from '#lib/errors';
import { asksForJson, withoutCommands, writeError, writeJson, writeResult } from './output.ts';

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

  it('prints message, causes and hint on separate lines', () => {
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

  it('starts a line for each detail, and none for quoted text', () => {
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

  it('does not repeat a cause that the message contains', () => {
    const outer = new FairleadError('InvalidInput', 'a.json: not JSON', { cause: new Error('not JSON') });
    assert.doesNotMatch(printed(outer, 'text'), /cause/);
  });

  it('ends if causes run in a circle', () => {
    const circle = new Error('round');
    circle.cause = circle;
    assert.match(printed(new FairleadError('Internal', 'and', { cause: circle }), 'text'), /cause: round\n$/);
  });

  it('prints the same as one JSON document', () => {
    assert.deepEqual(JSON.parse(printed(error, 'json')), {
      schemaVersion: 1,
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
  it('recognizes every spelling of the option', () => {
    for (const words of [['-o', 'json'], ['-ojson'], ['-qo', 'json'], ['-vojson']]) {
      assert.equal(asksForJson(['pull', ...words]), true, words.join(' '));
    }
    assert.equal(asksForJson(['pull', '--no', 'json']), false);
    assert.equal(asksForJson(['pull', '--output', 'json']), true);
    assert.equal(asksForJson(['pull', '--output=json']), true);
    assert.equal(asksForJson(['pull', '--output', 'text', 'json']), false);
    assert.equal(asksForJson(['pull', 'json']), false);
  });
});

describe('untrusted text in the log of a CI system', () => {
  it('contains no command of GitHub, Azure or TeamCity', () => {
    assert.equal(
      withoutCommands(
        '::error::x\n  ::set-output name=a::b\nv1::2 a::b\n##[error]x y##vso[task.setvariable]z ##teamcity[x] ## [1]',
      ),
      '\\u{3a}:error::x\n  \\u{3a}:set-output name=a::b\nv1::2 a::b\n\\u{23}#[error]x y\\u{23}#vso[task.setvariable]z \\u{23}#teamcity[x] ## [1]',
    );
  });

  it('is searched in linear time, whatever a line contains', () => {
    for (const blank of ['\r', '\u2028', ' ', '#']) {
      const before = process.cpuUsage();
      withoutCommands(blank.repeat(100_000));
      const { user } = process.cpuUsage(before);
      assert(user < 500_000, `${JSON.stringify(blank)}: ${user} us`);
    }
    assert.equal(withoutCommands('\r::error::x\u2028 ::y'), '\r\\u{3a}:error::x\u2028 \\u{3a}:y');
  });

  it('is removed from a result, but not from its JSON, and from an error', () => {
    const stranger = '::error::x ##vso[y]\\##[z]';
    const write = mock.method(process.stdout, 'write', () => true);
    try {
      for (const form of ['text', 'json'] as const)
        writeResult('ls', form, { json: () => ({ names: [stranger] }), text: () => stranger });
    } finally {
      write.mock.restore();
    }
    const [text = '', json = ''] = write.mock.calls.map(({ arguments: [written] }) => String(written));
    assert.doesNotMatch(text + json, /^\s*::|##(?:vso)?\[/m);
    assert.deepEqual(JSON.parse(json), { schemaVersion: 1, names: [stranger] });
    const error = new FairleadError('InvalidInput', stranger, { details: [stranger], hint: stranger });
    assert.doesNotMatch(stripVTControlCharacters(printed(error, 'text')), /^\s*::|##(?:vso)?\[/m);
    assert.equal(JSON.parse(printed(error, 'json')).error.hint, stranger);
  });

  it('has no command of a terminal as JSON, and the same strings', () => {
    const program = '\u009b31m \u202e \u{e0001} \u007f \\\u009b é';
    const write = mock.method(process.stdout, 'write', () => true);
    try {
      writeJson({ program });
      const [text = ''] = write.mock.calls.map(({ arguments: [written] }) => String(written));
      assert.doesNotMatch(text, /[^\P{C}\n]/u);
      assert.match(text, /é/);
      assert.deepEqual(JSON.parse(text), { program });
    } finally {
      write.mock.restore();
    }
  });

  it('is not printed if a result is empty', () => {
    const write = mock.method(process.stdout, 'write', () => true);
    writeResult('ls', 'text', { json: () => ({ names: [] }), text: () => '' });
    write.mock.restore();
    assert.equal(write.mock.callCount(), 0);
  });
});
