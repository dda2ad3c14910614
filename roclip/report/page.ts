import { type Html, html, trusted } from "./html.ts";
import { STYLE } from "./style.ts";

/**
 * A report's page around its content. A content security policy forbids scripts and all requests,
 * so captions from the web can do nothing.
 */
export function page(title: string, body: Html): string {
  const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy)}">
<title>${title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
${body}
</body>
</html>
`.markup;
}
