// Markdown to HTML as GitHub makes it of a comment: a JSON list of texts in, a JSON list of bodies out.
//
// GitHub's order: GFM, with every line break of a paragraph kept; its sanitizer, by the schema of
// hast-util-sanitize, which follows html-pipeline's and github.com; then what makes things live:
// mentions, references to issues, alerts, and Mermaid where a fence says so.

import { text } from "node:stream/consumers";
import { findAndReplace } from "hast-util-find-and-replace";
import rehypeRaw from "rehype-raw";
import rehypeSanitize from "rehype-sanitize";
import rehypeStringify from "rehype-stringify";
import remarkBreaks from "remark-breaks";
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import remarkRehype from "remark-rehype";
import { unified } from "unified";
import { visit } from "unist-util-visit";

const element = (tagName, className, children) => ({
  type: "element", tagName, properties: { className: [className] }, children,
});
const written = (value) => ({ type: "text", value });

// html-pipeline's MentionFilter and TeamMentionFilter: no letter or digit before the sign, and
// nothing in code or links. Wider than they are, so that what passes here is dead there too.
const MENTION = /(?<![\w`/])@[a-z\d][a-z\d-]{0,38}(?:\/[a-z\d][\w-]*)?/gi;
const ISSUE = /(?<![\w&/])(?:[\w.-]+\/[\w.-]+)?(?:#|gh-)\d+\b/gi;
const DEAD = ["a", "pre", "code", "tt", "style", "script"];

const live = () => (tree) => {
  findAndReplace(tree, [
    [MENTION, (match) => element("a", "user-mention", [written(match)])],
    [ISSUE, (match) => element("a", "issue-link", [written(match)])],
  ], { ignore: DEAD });
};

const ALERT = /^\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*$/i;

const alerts = () => (tree) => {
  for (const quote of tree.children.filter((node) => node.tagName === "blockquote")) {
    const first = quote.children.find((node) => node.tagName === "p");
    const [head, next] = first?.children ?? [];
    const kind = head?.type === "text" && ALERT.exec(head.value)?.[1].toLowerCase();
    if (kind && (!next || next.tagName === "br")) {
      const title = kind[0].toUpperCase() + kind.slice(1);
      first.children = first.children.slice(2);
      quote.tagName = "div";
      quote.properties = { className: ["markdown-alert", `markdown-alert-${kind}`] };
      quote.children.unshift(element("p", "markdown-alert-title", [written(title)]));
    }
  }
};

const diagrams = () => (tree) => {
  visit(tree, { tagName: "pre" }, (node) => {
    const code = node.children.find((child) => child.tagName === "code");
    if (code?.properties.className?.includes("language-mermaid")) {
      node.tagName = "div";
      node.properties = { className: ["mermaid"] };
      node.children = code.children;
    }
  });
};

const github = unified()
  .use(remarkParse)
  .use(remarkGfm)
  .use(remarkBreaks)
  .use(remarkRehype, { allowDangerousHtml: true })
  .use(rehypeRaw)
  .use(rehypeSanitize)
  .use(live)
  .use(alerts)
  .use(diagrams)
  .use(rehypeStringify, { characterReferences: { useNamedReferences: true } });

const texts = JSON.parse(await text(process.stdin));
const bodies = await Promise.all(texts.map((markdown) => github.process(markdown)));
process.stdout.write(JSON.stringify(bodies.map(String)));
