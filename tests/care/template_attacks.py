"""Templates that try to break out or to use up the machine, and what becomes of each.

Run as a program it renders every one in a process of its own under the limits, and prints what it cost:
`python template_attacks.py guarded|plain escapes|chains|bombs|heavy`.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jinja2

SECONDS = 1.5
MEGABYTES = 200
NAME = "Lin"

_CARRIERS = ("customer_name", "''", "orders", "true", "none", "(1)", "'a'~'b'", "shop_name")
_DUNDERS = """
    __class__ __mro__ __bases__ __base__ __subclasses__ __globals__ __init__ __dict__ __builtins__ __import__
    __reduce__ __reduce_ex__ __getattribute__ __format__ __call__ __code__ __closure__ __func__ __self__
    __module__ __doc__ __sizeof__ __new__ __init_subclass__ __subclasshook__ __dir__ __hash__ __iter__
    __getitem__ __len__ gi_frame cr_frame ag_frame f_globals f_back f_builtins tb_frame func_globals mro
    im_func
""".split()
ATTRIBUTES = [f"{{{{ {_CARRIERS[i % len(_CARRIERS)]}.{name} }}}}" for i, name in enumerate(_DUNDERS)]

CHAINS = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ().__class__.__base__.__subclasses__()[59]() }}",
    "{{ [].__class__.__base__ }}",
    "{{ {}.__class__.__bases__[0] }}",
    "{{ customer_name.__class__.__init__.__globals__['os'] }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__.__builtins__.open('/etc/passwd').read() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__.os.system('id') }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__.os.environ }}",
    "{{ range.__class__.__call__(3) }}",
    "{{ dict.mro() }}",
    "{{ ''['__class__'] }}",
    '{{ ""["__cl" ~ "ass__"] }}',
    "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ ''['\\u005f\\u005fclass__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''|attr('__cl' ~ 'ass__') }}",
    "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f')|attr('mro') }}",
    "{{ ['a']|map(attribute='__class__')|list }}",
    "{{ ['a']|map('attr', '__class__')|first }}",
    "{{ customer_name|map('upper') }}",
    "{{ customer_name[0] }}",
    "{{ customer_name[0:1] }}",
    "{{ customer_name[::-1] }}",
    "{{ customer_name['upper']() }}",
    "{{ customer_name.upper() }}",
    "{{ customer_name.encode('utf-16').hex() }}",
    "{{ customer_name.maketrans('a', 'b') }}",
    "{{ orders.bit_length() }}",
    "{{ orders.to_bytes(8, 'big') }}",
    "{{ orders.real.real }}",
    "{{ true.numerator }}",
    "{{ (customer_name.join)(['a']) }}",
    "{{ customer_name.split()|last }}",
]

FORMATS = [
    "{{ '{0.__class__}'.format(customer_name) }}",
    "{{ '{x.__class__.__mro__}'.format(x=1) }}",
    "{{ '{0[0]}'.format('abc') }}",
    "{{ '{}'.format_map({}) }}",
    "{{ '%s' % customer_name }}",
    "{{ '%(a)s' % {'a': 1} }}",
    "{{ '%c' % 65 }}",
    "{{ '%1$s' % (1,) }}",
    "{{ '%s'|format(customer_name) }}",
    "{{ '{:>{w}}'.format('a', w=9) }}",
    "{{ customer_name.format(customer_name) }}",
    "{{ customer_name % () }}",
    "{{ f'{customer_name}' }}",
    "{{ 'a'.__format__('>9') }}",
    "{{ 'a' 'b'.format() }}",
    "{{ '{!r}'.format(self) }}",
    "{{ '%r' % self }}",
    "{{ ('%s' ~ '%s') % (1, 2) }}",
]

_HOST_NAMES = """
    self config request session g app context environment super loop caller varargs kwargs exports lipsum
    cycler joiner namespace dict range get_flashed_messages url_for os sys open eval exec compile getattr
    setattr type object print input globals locals vars dir help breakpoint memoryview bytes bytearray
    classmethod property isinstance iter next map zip enumerate sorted id repr __builtins__ __import__
    __name__ __file__ __loader__ __spec__ undefined jinja2 subprocess _ __ environ l_0_customer_name t_1
    resolve missing Undefined
""".split()
HOST_NAMES = [f"{{{{ {name}{'()' if i % 3 == 0 else ''} }}}}" for i, name in enumerate(_HOST_NAMES)]

_FILTERS = """
    abs attr batch center count d dictsort e escape filesizeformat first float forceescape format groupby
    indent int items join last length list map max min pprint random reject rejectattr replace reverse round
    safe select selectattr slice sort string striptags sum tojson unique urlencode urlize wordcount wordwrap
    xmlattr
""".split()
FILTERS = [f"{{{{ customer_name|{name} }}}}" for name in _FILTERS]

ARGUMENTS = [
    "{{ customer_name|default(customer_name.__class__) }}",
    "{{ customer_name|default(lipsum) }}",
    "{{ customer_name|default('x', boolean=self) }}",
    "{{ customer_name|default(*['x']) }}",
    "{{ customer_name|default(**{'default_value': 'x'}) }}",
    "{{ customer_name|truncate(length=''.__class__) }}",
    "{{ customer_name|truncate(9, true, [].append) }}",
    "{{ customer_name|upper()() }}",
    "{{ (customer_name|upper).__class__ }}",
    "{{ customer_name|upper|attr('join') }}",
    "{{ customer_name|trim(chars=range) }}",
    "{{ customer_name|title|format }}",
    "{% if customer_name|attr('x') %}a{% endif %}",
    "{% if false %}{{ customer_name|nothing }}{% endif %}",
    "{{ 'a' if customer_name.__class__ else 'b' }}",
]

_TESTS = """
    callable defined divisibleby(3) eq(1) escaped even false filter float ge(1) gt(1) in([1]) integer iterable
    le(1) lower lt(1) mapping ne(1) none number odd sameas(1) sequence string test true undefined upper
""".split()
TESTS = [f"{{{{ customer_name is {name} }}}}" for name in _TESTS]

STATEMENTS = [
    "{% set x = 1 %}",
    "{% set x %}a{% endset %}",
    "{% set ns = namespace(a=1) %}",
    "{% set self.x = 1 %}",
    "{% macro m() %}a{% endmacro %}",
    "{% macro m(a=[].__class__) %}{{ a }}{% endmacro %}{{ m() }}",
    "{% call m() %}a{% endcall %}",
    "{% call(x) lipsum() %}{{ x }}{% endcall %}",
    "{% filter upper %}a{% endfilter %}",
    "{% filter attr('__class__') %}a{% endfilter %}",
    "{% block b %}a{% endblock %}",
    "{% block b scoped required %}{% endblock %}",
    "{% include '/etc/passwd' %}",
    "{% include ['a', 'b'] ignore missing %}",
    "{% include customer_name without context %}",
    "{% import 'os' as os %}",
    "{% import customer_name as x with context %}",
    "{% from 'os' import system %}",
    "{% from 'x' import y as z with context %}",
    "{% extends 'base' %}",
    "{% extends customer_name %}",
    "{% for c in customer_name %}{{ c }}{% endfor %}",
    "{% for c in customer_name recursive %}{{ loop(c) }}{% endfor %}",
    "{% for i in range(3) if i %}{{ loop.index }}{% else %}x{% endfor %}",
    "{% for k, v in {}.items() %}{% endfor %}",
    "{% with a = 1 %}{{ a }}{% endwith %}",
    "{% autoescape true %}a{% endautoescape %}",
    "{% do 1 %}",
    "{% debug %}",
    "{% trans %}a{% endtrans %}",
    "{% for a in [1] %}{% break %}{% endfor %}",
    "{% python %}import os{% endpython %}",
    "{% if customer_name.__class__ %}a{% endif %}",
    "{% if customer_name() %}a{% endif %}",
]

LITERALS = [
    "{{ [1, 2] }}",
    "{{ [] ~ '' }}",
    "{{ {'a': 1} }}",
    "{{ {} }}",
    "{{ (1, 2) }}",
    "{{ () }}",
    "{{ {1, 2} }}",
    "{{ [x for x in customer_name] }}",
    "{{ (x for x in customer_name) }}",
    "{{ lambda: 1 }}",
    "{{ (x := 1) }}",
    "{{ await customer_name }}",
    "{{ async }}",
    "{{ yield }}",
    "{{ 1 .__class__ }}",
    "{{ 1.0.__class__ }}",
    "{{ 1.5.hex() }}",
    "{{ ... }}",
    "{{ b'bytes' }}",
    "{{ `id` }}",
    "{{ customer_name; 1 }}",
    "{{ customer_name = 1 }}",
    "{{ *customer_name }}",
    "{{ 1 if }}",
    "{{ 3 * 'a' }}",
    "{{ 2 ** 3 }}",
    "{{ 7 / 2 }}",
    "{{ 7 // 2 }}",
    "{{ 7 % 2 }}",
    "{{ customer_name @ shop_name }}",
    "{{ orders & 1 }}",
    "{{ ~orders }}",
    "{{ orders << 9 }}",
]

UNICODE = [
    "{{ ＿＿class＿＿ }}",
    "{{ customer_name.＿＿class＿＿ }}",
    "{{ customer_name.__ｃlass__ }}",
    "{{ ｓｅｌｆ }}",
    "{{ ｃonfig }}",
    "{{ сustomer_name }}",
    "{{ custоmer_name }}",
    "{{ cuﬆomer_name }}",
    "{{ customer_name\u200b }}",
    "{{ customer\u2060_name }}",
    "{{ \u202ecustomer_name }}",
    "{{ customer_name\u00ad }}",
    "{{ ᵒrders }}",
    "{{ 𝐨𝐫𝐝𝐞𝐫𝐬 }}",
    "{{ '\\N{LOW LINE}class'.x }}",
    "{{ ''['\\137\\137class\\137\\137'] }}",
    "{{ customer_name|ｕpper }}",
    "{{ customer_name|𝔞𝔱𝔱𝔯('x') }}",
    "{% ｉf 1 %}a{% endif %}",
    "{{ customer_name․upper }}",
    "{{ ⅷ }}",
    "{{ ªbs }}",
]

SHAPES = [
    "{{-''.__class__-}}",
    "{%- include '/etc/passwd' -%}",
    "{{+ self +}}",
    "{{\n''\n.\n__class__\n}}",
    "{{ '}}'.__class__ }}",
    '{{ "{{".__class__ }}',
    "{% if 1 %}{{ self }}{% endif %}",
    "{% if 0 %}{% else %}{{ config }}{% endif %}",
    "{{ 'a' ~ self }}",
    "{{ not self }}",
    "{{ -self }}",
    "{{ self and 1 }}",
    "{{ 1 or self }}",
    "{{ 1 if self else 2 }}",
    "{{ self == 1 }}",
    "{{ 1 in [self] }}",
    "{{ 'x'|default(self) }}",
    "{# {{ x }} #}{{ self }}",
    "{% raw %}{{ a }}{% endraw %}{{ self }}",
    "{{ {{ self }} }}",
    "{{ customer_name }}{{ customer_name.x }}",
    "{{ unknown_name }}",
    "{% if unknown_name %}a{% endif %}",
    "{{ customer_name",
    "{% if",
    "{{ 'a",
    "{{ }}",
    "{% %}",
]

ESCAPES = [
    *ATTRIBUTES,
    *CHAINS,
    *FORMATS,
    *HOST_NAMES,
    *FILTERS,
    *ARGUMENTS,
    *TESTS,
    *STATEMENTS,
    *LITERALS,
    *UNICODE,
    *SHAPES,
]

HEAVY = [
    "{{ 'a' * 1000000000 }}",
    "{{ ('a' * 100000)|list * 1000 }}",
    "{{ customer_name|center(1000000000) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:>1000000000}'.format('a') }}",
    "{{ customer_name|indent(1000000000) }}",
    "{{ [0] * 100000000 }}",
    "{{ range(99999999)|list|length }}",
    "{{ 9 ** 9 ** 9 }}",
    "{% for a in range(10**5) %}{% for b in range(10**5) %}{% endfor %}{% endfor %}",
]
"""The first of the bombs: a plain environment goes down on every one of these."""

BOMBS = [
    *HEAVY,
    "{{ (9 ** 9 ** 7)|string|length }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ 'a'.zfill(1000000000) }}",
    "{{ 'a'.join(range(99999999)|map('string')) }}",
    "{{ customer_name|replace('', 'a' * 99999999) }}",
    "{{ customer_name|replace('i', 'iiiiiiiiii') }}",
    "{{ customer_name|wordwrap(1) }}",
    "{{ customer_name|batch(100000000, 'x')|list }}",
    "{{ customer_name|slice(100000000)|list }}",
    "{{ lipsum(n=1000000) }}",
    "{{ range(10**8)|sum }}",
    "{{ range(10**7)|sort|first }}",
    "{{ range(10**7)|unique|list }}",
    "{{ (range(10**7)|list)|tojson }}",
    "{{ ('<' * 100000)|striptags }}",
    "{{ ('a.' * 100000)|urlize }}",
    "{{ ('(' * 10000)|urlize }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(n) %}{% for i in range(9) %}{{ m(n - 1) }}{% endfor %}{% endmacro %}{{ m(9) }}",
    "{% block a %}{{ self.a() }}{% endblock %}",
    "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 30 + "{{ x }}",
    "{% set ns = namespace(x='a') %}{% for i in range(40) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "{{ cycler('a', 'b').next.__func__.__globals__ }}" * 9,
    "{{ dict(a=range(10**8)|list) }}",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "{{ " + "[" * 3000 + "]" * 3000 + " }}",
    "{{ " + "not " * 1500 + "1 }}",
    "{{ " + "-" * 5000 + "1 }}",
    "{% if 1 %}" * 350 + "{% endif %}" * 350,
    "{% if 0 %}a" + "{% elif 0 %}a" * 500 + "{% endif %}",
    "{{ " + "9" * 7000 + " }}",
    "{{ 1" + " + 1" * 1500 + " }}",
    "{{ 1" + " < 1" * 1500 + " }}",
    "{{ customer_name" + " ~ customer_name" * 400 + " }}",
    "{{ customer_name" + "|upper" * 1200 + " }}",
    "{{ customer_name" + "|default(customer_name" * 200 + ")" * 200 + " }}",
    "{{ customer_name if 1 else " * 250 + "1" + " }}" * 250,
    "{{ customer_name }}" * 400,
    "{{ 1.7976931348623157e308 + 1.7976931348623157e308 }}" * 50,
    "{{" * 3900,
    "{%" * 3900,
    "{#" * 3900,
    "{{ '" + "\\" * 7000 + "' }}",
    "{{ 'a'" + " 'a'" * 1900 + " }}",
    "{% raw %}" + "{{" * 3900,
    "x" * 100_000,
    "长" * 3_000,
    "{{ ( " * 900 + "customer_name" + " ) }}" * 900,
    "\n" * 7_000 + "{{ level",
]

_EVIDENCE = re.compile(r"<(class|function|module|bound|built-in|method|slot|generator)|object at 0x|root:|{'")
Outcome = tuple[str, float, float]


def guarded(source: str) -> str:
    """Rendered as care renders it; raises when it is refused."""
    from crmsync.care.template import sample_values
    from crmsync.care.text import MAX_VALUE, Text

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "attack.j2"
        path.write_text(f"subject: Hello\n{source}\n", "utf-8")
        values = sample_values("en") | {"customer_name": "长" * MAX_VALUE}
        return Text(path).render(values).body


def plain(source: str) -> str:
    """Rendered by jinja2 as it comes out of the box."""
    return jinja2.Environment().from_string(source).render(customer_name=NAME, shop_name="Shop", orders=7)


def attempt(render: Callable[[str], str], source: str) -> Outcome:
    """What became of it in a process of its own, in how many seconds and with how many more MB: `refused`,
    `rendered`, `leaked` (the text shows the inside of the machine), or `killed` by a limit."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        outcome = "killed"
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        # Seconds of the processor: the machine may have other work.
        begin, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + MEGABYTES * 2**20,) * 2)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            outcome = "leaked" if _EVIDENCE.search(render(source)) else "rendered"
        except MemoryError:
            outcome = "killed"
        except Exception:
            outcome = "refused"
        spent = time.process_time() - begin
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        os.write(writer, json.dumps((outcome, spent, grown)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    outcome, spent, grown = json.loads(told) if told else ("killed", SECONDS, MEGABYTES)
    return outcome, spent, grown


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    guarded("Hello")
    chosen = {"escapes": ESCAPES, "chains": CHAINS + FORMATS, "bombs": BOMBS, "heavy": HEAVY}[sys.argv[2]]
    json.dump([attempt({"guarded": guarded, "plain": plain}[sys.argv[1]], s) for s in chosen], sys.stdout)
