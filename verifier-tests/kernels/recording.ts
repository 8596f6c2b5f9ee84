/** JSON that keeps bigints, byte arrays and maps. */

export function encodeRecording(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === 'bigint') return { $bigint: each.toString() };
    if (each instanceof Uint8Array) return { $bytes: Buffer.from(each).toString('base64') };
    if (each instanceof Map) return { $map: [...each] };
    return each;
  });
}

export function decodeRecording(text: string): unknown {
  return JSON.parse(text, (_, each: unknown) => {
    if (typeof each !== 'object' || each === null) return each;
    if ('$bigint' in each) return BigInt(String(each.$bigint));
    if ('$bytes' in each) return new Uint8Array(Buffer.from(String(each.$bytes), 'base64'));
    if ('$map' in each) return new Map(each.$map as [unknown, unknown][]);
    return each;
  });
}
