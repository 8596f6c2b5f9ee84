import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elementsOf, insertAfter, removeElement, replaceElement } from './json-text.ts';

const value = { type: 'x', deep: { a: true } };

test('elements are found where they stand, whatever is around them', () => {
  const text = '{"a": [1, "]"], "\\"plugins": 0, "plugins" : [ {"b": "}\\\\"} ,[2,[3]], -1.5e3, null ] }';
  const elements = elementsOf(text, 'plugins');
  expect(elements?.map(({ start, end }) => text.slice(start, end))).toEqual([
    '{"b": "}\\\\"}',
    '[2,[3]]',
    '-1.5e3',
    'null',
  ]);
});

test('of two members of one name the last counts', () => {
  const text = '{"plugins":[1],"plugins":[2,3]}';
  expect(elementsOf(text, 'plugins')).toHaveLength(2);
});

test.each(['[]', '{}', '{"plugins":{}}', '"plugins"'])('%s has no such list', (text) => {
  expect(elementsOf(text, 'plugins')).toBeUndefined();
});

describe('an element is laid out as the one beside it', () => {
  const inserted = (text: string): string => insertAfter(text, elementsOf(text, 'p') ?? [], 0, value);

  test.each([
    ['without blanks', '{"p":[{"a":1}]}', '{"p":[{"a":1},{"type":"x","deep":{"a":true}}]}'],
    ['on a line', '{"p": [{"a": 1}]}', '{"p": [{"a": 1},{"type": "x", "deep": {"a": true}}]}'],
    [
      'on a line with blanks inside',
      '{"p": [ { "a": 1 } ]}',
      '{"p": [ { "a": 1 }, { "type": "x", "deep": { "a": true } } ]}',
    ],
    [
      'over lines',
      '{"p": [\n    {\n      "a": 1\n    }\n]}',
      '{"p": [\n    {\n      "a": 1\n    },\n    {\n      "type": "x",\n      "deep": {\n        "a": true\n      }\n    }\n]}',
    ],
    [
      'with tabs and carriage returns',
      '{"p": [\r\n\t{\r\n\t\t"a": 1\r\n\t}]}',
      '{"p": [\r\n\t{\r\n\t\t"a": 1\r\n\t},\r\n\t{\r\n\t\t"type": "x",\r\n\t\t"deep": {\r\n\t\t\t"a": true\r\n\t\t}\r\n\t}]}',
    ],
  ])('%s', (_, text, expected) => {
    expect(inserted(text)).toBe(expected);
  });
});

describe('any list, written in any manner', () => {
  const list = fc.record({
    before: fc.jsonValue(),
    plugins: fc.array(fc.jsonValue(), { minLength: 1, maxLength: 5 }),
    'after ]} "': fc.jsonValue(),
  });
  const indent = fc.constantFrom(undefined, 1, 2, '\t');
  const cases = fc.tuple(list, indent, fc.nat());

  test('what is put in can be taken out again, byte for byte', () => {
    fc.assert(
      fc.property(cases, ([object, space, random]) => {
        const text = JSON.stringify(object, null, space);
        const index = random % object.plugins.length;
        const more = insertAfter(text, elementsOf(text, 'plugins') ?? [], index, value);
        const plugins = [...object.plugins];
        plugins.splice(index + 1, 0, value as never);
        expect(JSON.parse(more)).toEqual(JSON.parse(JSON.stringify({ ...object, plugins })));
        expect(removeElement(more, elementsOf(more, 'plugins') ?? [], index + 1)).toBe(text);
      }),
    );
  });

  test('an element is replaced or removed, and nothing else', () => {
    fc.assert(
      fc.property(cases, ([object, space, random]) => {
        const text = JSON.stringify(object, null, space);
        const elements = elementsOf(text, 'plugins') ?? [];
        const index = random % object.plugins.length;
        const plain = (plugins: unknown[]): unknown => JSON.parse(JSON.stringify({ ...object, plugins }));
        expect(JSON.parse(replaceElement(text, elements, index, value))).toEqual(
          plain(object.plugins.with(index, value as never)),
        );
        expect(JSON.parse(removeElement(text, elements, index))).toEqual(
          plain(object.plugins.toSpliced(index, 1)),
        );
      }),
    );
  });
});
