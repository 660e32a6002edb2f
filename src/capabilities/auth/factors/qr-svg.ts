/**
 * A QR code as SVG text. auth-js puts it behind `data:image/svg+xml;utf-8,` without escaping it, so it
 * holds no `#`; it brings its own background, because pages are dark too.
 */
import encodeQR from "qr";

export function qrSvg(text: string): string {
  const rows = encodeQR(text, "raw", { ecc: "medium", border: 2 });
  const size = rows.length;
  const path = rows.map((row, y) => runsOf(row, y)).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" width="${size * 4}" height="${size * 4}" shape-rendering="crispEdges"><path fill="white" d="M0 0h${size}v${size}H0z"/><path d="${path}"/></svg>`;
}

/** Dark modules side by side are one box: a third of the text. */
function runsOf(row: readonly boolean[], y: number): string {
  let path = "";
  for (let x = 0; x < row.length; x += 1) {
    if (!row[x]) continue;
    const start = x;
    while (row[x + 1]) x += 1;
    const width = x - start + 1;
    path += `M${start} ${y}h${width}v1h-${width}z`;
  }
  return path;
}
