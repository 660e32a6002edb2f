/**
 * Random WebAssembly modules from a seed, as bytes: every class of instruction that the engine knows
 * (numbers, memory, tables, references, bulk, control, calls, tail calls, exceptions, vectors, atomics).
 * Programs end by themselves: each loop turn and each call takes a unit of fuel. Numbers that are not a
 * number are made one before their bits are looked at, since engines may choose those bits.
 */
import type { SeededRng } from "../seeded-rng.ts";
import { F32, F64, FUNCREF, I32, I64, leb, section, sized, text, V128, vec } from "./encode.ts";
import { expressionOf, type Scope, statementsOf } from "./expression-generator.ts";

export interface GeneratedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Exported functions with their parameter types. */
  readonly functions: readonly { readonly name: string; readonly parameters: readonly number[] }[];
}

const SIGNATURES: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[], []],
  [[], [I32]],
  [[I32], [I32]],
  [[I64, I32], [I64]],
  [[F64], [F64]],
  [[F32, I32], [F32]],
  [[I32, I32, I64], [I32]],
];
const MEMORY_MAX = 6;
const TABLE_MAX = 32;

export function generateModule(rng: SeededRng): GeneratedModule {
  const signatures = Array.from({ length: 1 + rng.below(6) }, () => rng.below(SIGNATURES.length));
  const functions = signatures.map((type, n) => ({ type, name: `f${n}` }));
  const bodies = signatures.map((type) => sized(body(rng, type, signatures)));
  const hasStart = rng.below(8) === 0 && signatures.includes(0);
  const data = rng.bytes(64);
  const bytes = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vec(SIGNATURES.map(([from, to]) => [0x60, ...vec1(from), ...vec1(to)]))),
    ...section(3, vec(signatures.map((type) => leb(type)))),
    ...section(4, vec([[FUNCREF, 1, ...leb(8), ...leb(TABLE_MAX)]])),
    ...section(5, vec([[1, ...leb(1 + rng.below(2)), ...leb(MEMORY_MAX)]])),
    ...section(13, vec([[0, ...leb(0)]])),
    ...section(6, vec(globals(rng))),
    ...section(
      7,
      vec([...functions.map(({ name }, n) => [...text(name), 0, ...leb(n)]), ...MEMORY]),
    ),
    ...(hasStart ? section(8, leb(signatures.indexOf(0))) : []),
    ...section(9, vec([elements(rng, signatures.length)])),
    ...section(12, leb(1)),
    ...section(10, vec(bodies.map((one) => [...one]))),
    ...section(11, vec([[1, ...leb(data.length), ...data]])),
  ];
  return {
    bytes: new Uint8Array(bytes),
    functions: functions.map(({ name, type }) => ({
      name,
      parameters: SIGNATURES[type]?.[0] ?? [],
    })),
  };
}

const MEMORY = [[...text("memory"), 2, 0]];
const vec1 = (types: readonly number[]) => [...leb(types.length), ...types];

/** Fuel first; then one of each number type. */
function globals(rng: SeededRng): number[][] {
  return [
    [I32, 1, 0x41, ...leb(200 + rng.below(800)), 0x0b],
    [I32, 1, 0x41, ...leb(rng.below(64)), 0x0b],
    [I64, 1, 0x42, ...leb(rng.below(64)), 0x0b],
    [F64, 1, 0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x0b],
  ];
}

/** An active segment that fills the first places of the table. */
function elements(rng: SeededRng, count: number): number[] {
  const places = Array.from({ length: 6 }, () => leb(rng.below(count)));
  return [0, 0x41, 0, 0x0b, ...vec(places)];
}

const LOCALS = [I32, I32, I64, F32, F64, V128];

function body(rng: SeededRng, type: number, signatures: readonly number[]): number[] {
  const [parameters, results] = SIGNATURES[type] ?? [[], []];
  const scope: Scope = {
    rng,
    locals: [...parameters, ...LOCALS],
    results,
    functions: signatures.map((own) => SIGNATURES[own] ?? [[], []]),
    signatures: SIGNATURES,
    depth: 0,
  };
  const locals = vec(LOCALS.map((local) => [1, local]));
  const [result] = results;
  // Without fuel nothing happens: a call chain ends.
  const fuel = [0x23, 0, 0x45, 0x04, 0x40, ...zero(result), 0x0f, 0x0b, ...burn()];
  const last = result === undefined ? [] : expressionOf(scope, result, 3);
  return [...locals, ...fuel, ...statementsOf(scope, 1 + rng.below(6)), ...last, 0x0b];
}

const burn = () => [0x23, 0, 0x41, 1, 0x6b, 0x24, 0];

function zero(type: number | undefined): number[] {
  if (type === I32) return [0x41, 0];
  if (type === I64) return [0x42, 0];
  if (type === F32) return [0x43, 0, 0, 0, 0];
  return type === F64 ? [0x44, 0, 0, 0, 0, 0, 0, 0, 0] : [];
}
