/** references/api/url_grammar. */
import { get, ids, type Row } from "./kit.ts";

const LOG = "/Ship's%20Log";
const quoted = (text: string) => encodeURIComponent(`"${text.replace(/[\\"]/g, "\\$&")}"`);
const words = (filter: string, ...left: readonly number[]) =>
  get(`words of ${filter}`, `/words?select=id&order=id&${filter}`, ids(...left));

export const rows: readonly Row[] = [
  // "Unicode support"
  get(
    "a table in another script",
    `/${encodeURIComponent("море")}?order=${encodeURIComponent("глубина")}`,
    [
      { имя: "Балтика", глубина: 459 },
      { имя: "Чёрное", глубина: 2212 },
    ],
  ),
  get(
    "columns and values in another script",
    `/${encodeURIComponent("море")}?select=${encodeURIComponent("глубина")}&${encodeURIComponent("имя")}=eq.${encodeURIComponent("Чёрное")}`,
    [{ глубина: 2212 }],
  ),
  get("letters beyond ASCII that are not encoded", "/море?select=имя&глубина=lt.1000", [
    { имя: "Балтика" },
  ]),
  // "Table / Columns with spaces"
  get("spaces", "/Order%20Items?Unit%20Price=lt.200", [{ "Unit Price": 100, name: "rope" }]),
  get("spaces as plus signs in a value", "/words?select=id&word=eq.say+%22hi%22", ids(4)),
  get("spaces in select and order", "/Order%20Items?select=Unit%20Price&order=Unit%20Price.desc", [
    { "Unit Price": 300 },
    { "Unit Price": 100 },
  ]),
  // "Reserved characters"
  get("a dot in a column", `${LOG}?select=${quoted("a.b")}&${quoted("a.b")}=eq.y`, [
    { "a.b": "y" },
  ]),
  get("a quote in a column", `${LOG}?select=${quoted('qu"ote')}&${quoted('qu"ote')}=eq.first`, [
    { 'qu"ote': "first" },
  ]),
  get(
    "commas and parentheses in a column",
    `${LOG}?select=${quoted("c,d(e)")}&${quoted("c,d(e)")}=eq.q`,
    [{ "c,d(e)": "q" }],
  ),
  get("colons and stars in a column", `${LOG}?select=${quoted(":f*")}&${quoted(":f*")}=is.null`, [
    { ":f*": null },
  ]),
  get(
    "a quoted column in the order",
    `${LOG}?select=${quoted("the day")}&order=${quoted("a.b")}.desc`,
    [{ "the day": 3 }, { "the day": 2 }, { "the day": 1 }],
  ),
  get(
    "a quoted column in a logic tree",
    `${LOG}?select=${quoted("the day")}&or=(${quoted("a.b")}.eq.x,${quoted("c,d(e)")}.eq.r)&order=${quoted("the day")}`,
    [{ "the day": 1 }, { "the day": 3 }],
  ),
  get(
    "a quoted alias",
    `${LOG}?select=${quoted("x.y")}:${quoted("a.b")}&${quoted("the day")}=eq.1`,
    [{ "x.y": "x" }],
  ),
  get(
    "hyphens and dollars need no quotes",
    "/hyphen-ated?select=col-one,price$&price$=gt.5&order=col-one.desc",
    [
      { "col-one": 2, price$: 20 },
      { "col-one": 1, price$: 10 },
    ],
  ),
  get(
    "names that begin as and, or and not do",
    "/hyphen-ated?select=col-one&or=(and_more.eq.a,or_else.eq.d)&order=col-one",
    [{ "col-one": 1 }, { "col-one": 2 }],
  ),
  get("spaces in a list", "/words?select=id&id=in.(%201,%202%20)&order=id", ids(1, 2)),
  // values: outside of lists and trees nothing is reserved
  words("word=eq.a,b", 3),
  words("word=eq.(paren)", 10),
  words("word=eq.say%20%22hi%22", 4),
  words("word=eq.back%5Cslash", 5),
  words("word=eq.100%25", 6),
  words("word=eq.null", 8),
  words("word=eq.", 9),
  words("word=is.null", 7),
  words("word=like.*,*", 3),
  words("word=like.100%5C%25", 6),
  words("word=like.back%5C%5C%25", 5),
  words("word=in.(%22a,b%22,alpha)", 1, 3),
  words("word=in.(%22say%20%5C%22hi%5C%22%22)", 4),
  words("word=in.(%22back%5C%5Cslash%22)", 5),
  words("word=in.(%22(paren)%22,Beta)", 2, 10),
  words("word=in.(null,%22%22)", 8, 9),
  words("word=not.in.(%22a,b%22,alpha,null)", 2, 4, 5, 6, 9, 10),
  words("or=(word.eq.%22a,b%22,word.eq.%22(paren)%22)", 3, 10),
  words("or=(word.eq.%22say%20%5C%22hi%5C%22%22,id.eq.1)", 1, 4),
  words("or=(word.eq.%22back%5C%5Cslash%22,id.eq.1)", 1, 5),
  words("or=(word.in.(%22a,b%22,alpha),id.eq.2)", 1, 2, 3),
  words("or=(word.like.%22*,*%22,id.eq.1)", 1, 3),
  words("or=(word.is.null,word.eq.)", 7, 9),
  words("or=(body->>s.eq.one,body->n.eq.2)", 1, 2),
  words("body->>n=eq.10", 3),
  words("body->list->>0=eq.10", 1),
  words("word=eq(any).{alpha,%22a,b%22}", 1, 3),
];
