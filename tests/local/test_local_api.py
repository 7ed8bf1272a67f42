"""One running stack seen through its URL: keys, roles, refusals, sign-in, and what REST shows."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from supabase import AuthApiError, Client, create_client
from supabase.lib.client_options import SyncClientOptions

from vigil_cli.local import supabase_cli
from vigil_cli.local.stack import Stack

PASSWORD = "correct horse"


@pytest.fixture(scope="module", autouse=True)
def connections() -> Iterator[None]:
    """Official clients leave their sockets open; these are closed."""
    yield
    for opened in OPENED:
        opened.close()


OPENED: list[httpx.Client] = []


def client(stack: Stack, key: str) -> Client:
    OPENED.append(httpx.Client())
    options = SyncClientOptions(
        auto_refresh_token=False, persist_session=False, httpx_client=OPENED[-1]
    )
    return create_client(stack.url(), stack.env()[key], options)


def member(stack: Stack) -> tuple[str, dict[str, str]]:
    """A signed-up member: the id, and the headers of the member's requests."""
    answer = client(stack, "ANON_KEY").auth.sign_up(
        {"email": f"{uuid.uuid4()}@example.org", "password": PASSWORD}
    )
    assert answer.session is not None, "signing up gives a session at once"
    assert answer.user is not None
    return answer.user.id, headers(stack, answer.session.access_token)


def headers(stack: Stack, token: str | None = None, key: str = "PUBLISHABLE_KEY") -> dict[str, str]:
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return {"apikey": stack.env()[key], **bearer}


def signed(stack: Stack, secret: str | None = None, **claims: Any) -> str:
    usual = {"exp": int(time.time()) + 600, "role": "authenticated"}
    return jwt.encode(usual | claims, secret or stack.env()["JWT_SECRET"], "HS256")


def rest(stack: Stack, path: str, headers: dict[str, str], **more: Any) -> httpx.Response:
    method = "POST" if "json" in more else "GET"
    return httpx.request(method, f"{stack.url()}/rest/v1/{path}", headers=headers, **more)


def test_a_member_writes_and_reads_own_rows_and_another_sees_none(stack: Stack) -> None:
    ann, as_ann = member(stack)
    _, as_bob = member(stack)
    title = f"ann's {uuid.uuid4()}"
    wish = {"Prefer": "return=representation"}
    made = rest(stack, "notes", as_ann | wish, json={"title": title})
    assert made.status_code == 201
    assert made.json()[0]["owner"] == ann
    assert [row["title"] for row in rest(stack, "notes", as_ann).json()] == [title]
    assert rest(stack, "notes", as_bob).json() == []


@pytest.mark.parametrize("key", ["PUBLISHABLE_KEY", "ANON_KEY"])
def test_the_public_keys_act_as_anon(stack: Stack, key: str) -> None:
    value = stack.env()[key]
    for sent in (headers(stack, key=key), headers(stack, value, key=key)):
        refused = rest(stack, "notes", sent)
        assert (refused.status_code, refused.json()["code"]) == (401, "42501")
        assert rest(stack, "rpc/whoami", sent, json={}).json()["role"] == "anon"


@pytest.mark.parametrize("key", ["SECRET_KEY", "SERVICE_ROLE_KEY"])
def test_the_secret_keys_act_as_service_role(stack: Stack, key: str) -> None:
    for sent in (headers(stack, key=key), headers(stack, stack.env()[key], key=key)):
        assert rest(stack, "rpc/whoami", sent, json={}).json()["role"] == "service_role"
        assert rest(stack, "notes", sent).status_code == 200


def test_a_minted_token_acts_as_its_role_and_subject_with_all_its_claims(stack: Stack) -> None:
    ann, _ = member(stack)
    token = signed(stack, sub=ann, app_metadata={"team": "x"})
    seen = rest(stack, "rpc/whoami", headers(stack, token) | {"X-Tool": "t"}, json={}).json()
    assert (seen["role"], seen["session"], seen["uid"]) == ("authenticated", "authenticator", ann)
    assert seen["jwt"]["app_metadata"] == {"team": "x"}
    assert seen["headers"]["x-tool"] == "t"
    assert seen["timeout"] == "8s"


def test_a_session_s_token_carries_the_claims_of_a_hosted_one(stack: Stack) -> None:
    ann, as_ann = member(stack)
    token = as_ann["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, stack.env()["JWT_SECRET"], ["HS256"], audience="authenticated")
    assert claims["sub"] == ann
    assert claims["iss"] == f"{stack.url()}/auth/v1"
    assert claims["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert (claims["aal"], claims["is_anonymous"], claims["phone"]) == ("aal1", False, "")
    seen = rest(stack, "rpc/whoami", as_ann, json={}).json()
    assert (seen["uid"], seen["jwt"]) == (ann, claims)
    asked = httpx.get(f"{stack.url()}/auth/v1/user", headers=as_ann)
    assert asked.json()["id"] == ann


def test_bad_tokens_are_refused_before_the_database(stack: Stack) -> None:
    for token, code in (
        ("junk", "PGRST301"),
        (signed(stack, "another secret, long enough for HS256", role="service_role"), "PGRST301"),
        (signed(stack, exp=1), "PGRST303"),
    ):
        refused = rest(stack, "notes", headers(stack, token))
        assert (refused.status_code, refused.json()["code"]) == (401, code)


@pytest.mark.parametrize("key", ["PUBLISHABLE_KEY", "SECRET_KEY"])
@pytest.mark.parametrize(
    "value",
    ["Bearer junk", "bearer junk", "Bearer two words", "Bearer a.b", "Bearer a.b.c", "Bearer a.b.c d",
     "Bearer a.b.c.d", "Bearer ....", "Bearer"],
)  # fmt: skip
def test_what_is_no_token_is_refused_and_never_anon(stack: Stack, key: str, value: str) -> None:
    for refused in (
        rest(stack, "notes", headers(stack, key=key) | {"Authorization": value}),
        rest(stack, "rpc/whoami", headers(stack, key=key) | {"Authorization": value}, json={}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (401, "PGRST301"), refused.text
        assert refused.headers["access-control-allow-origin"] == "*", "or a browser hides it"


def test_a_wrong_key_is_refused_before_anything_else_is_looked_at(stack: Stack) -> None:
    ann, as_ann = member(stack)
    wrong = ["garbage", "a.b.c", stack.env()["ANON_KEY"] + "x", signed(stack, sub=ann)]
    bearers: list[dict[str, str]] = [{}, {"Authorization": "Bearer junk"}]
    bearers.append({"Authorization": as_ann["Authorization"]})
    for path in ("rest/v1/notes", "rest/v1/rpc/whoami", "auth/v1/settings", "auth/v1/admin/users"):
        for bearer in bearers:
            url = f"{stack.url()}/{path}"
            for key in wrong:
                refused = httpx.get(url, headers={"apikey": key} | bearer)
                told = (refused.status_code, refused.json()["message"])
                assert told == (401, "Invalid API key"), (path, key, bearer)
            asked = httpx.get(url, headers=bearer)
            assert (asked.status_code, asked.json()["message"]) == (
                401, "No API key found in request",
            )  # fmt: skip


@pytest.mark.parametrize(
    ("sqlstate", "status"),
    [
        ("VG001", 400),
        ("P0001", 400),
        ("42501", 403),
        ("23505", 409),
        ("PT418", 418),
        ("53400", 503),
    ],
)
def test_refusals_of_the_database_arrive_as_postgrest_words_them(
    stack: Stack, sqlstate: str, status: int
) -> None:
    _, as_ann = member(stack)
    refused = rest(stack, "rpc/refuse", as_ann, json={"sqlstate_wanted": sqlstate})
    assert refused.status_code == status
    assert refused.json() == {
        "code": sqlstate, "message": "no", "details": "a detail", "hint": "a hint",
    }  # fmt: skip


def test_a_duplicate_is_a_conflict_and_a_row_against_policy_is_forbidden(stack: Stack) -> None:
    ann, as_ann = member(stack)
    bob, _ = member(stack)
    title = str(uuid.uuid4())
    assert rest(stack, "notes", as_ann, json={"title": title}).status_code == 201
    again = rest(stack, "notes", as_ann, json={"title": title})
    assert (again.status_code, again.json()["code"]) == (409, "23505")
    forged = rest(stack, "notes", as_ann, json={"title": title + "2", "owner": bob})
    assert (forged.status_code, forged.json()["code"]) == (403, "42501")
    assert ann != bob


def test_serving_requests_grants_nothing(stack: Stack) -> None:
    _, as_ann = member(stack)
    assert rest(stack, "ungranted", as_ann).json()["code"] == "42501"
    with psycopg.connect(stack.env()["DB_URL"]) as conn:
        granted = conn.execute(
            "select r.rolname, c.oid::regclass::text from pg_class c, pg_roles r"
            " where r.rolname in ('anon', 'authenticated', 'service_role')"
            " and c.oid in ('public.ungranted'::regclass, 'hidden.secrets'::regclass,"
            "   'auth.users'::regclass, 'auth.sessions'::regclass)"
            " and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')"
        ).fetchall()
        defaults = conn.execute("select count(*) from pg_default_acl").fetchone()
        body = conn.execute("select prosrc from pg_proc where oid = 'auth.uid()'::regprocedure")
        assert "request.jwt.claims" in body.fetchone()[0]
    assert granted == []
    assert defaults == (0,)


def test_only_public_is_exposed(stack: Stack) -> None:
    sent = headers(stack, key="SECRET_KEY")
    for schema in ("hidden", "auth", "realtime"):
        refused = rest(stack, "secrets", sent | {"Accept-Profile": schema})
        assert (refused.status_code, refused.json()["code"]) == (406, "PGRST106")
    assert rest(stack, "secrets", sent).json()["code"] == "PGRST205"


def test_a_new_table_is_served_without_a_restart(stack: Stack) -> None:
    name = f"late_{uuid.uuid4().hex}"
    with psycopg.connect(stack.env()["DB_URL"]) as conn:
        conn.execute(f"create table public.{name} (id int)")
        conn.execute(f"grant select on public.{name} to service_role")
    deadline = time.monotonic() + 20
    while (answer := rest(stack, name, headers(stack, key="SECRET_KEY"))).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    assert answer.json() == []


def test_a_statement_may_not_outlast_the_role_s_limit(stack: Stack) -> None:
    sent = headers(stack)
    stopped = rest(stack, "rpc/nap", sent, json={"seconds": 60}, timeout=30)
    assert (stopped.status_code, stopped.json()["code"]) == (500, "57014")


def test_filters_and_counts_pass_through_the_front_unchanged(stack: Stack) -> None:
    _, as_ann = member(stack)
    for title in ("a,b (1)", "ü & ö %20", "plus+minus"):
        full = f"{title} {uuid.uuid4()}"
        assert rest(stack, "notes", as_ann, json={"title": full}).status_code == 201
        found = rest(stack, "notes", as_ann, params={"title": f"eq.{full}"})
        assert [row["title"] for row in found.json()] == [full]
    counted = rest(stack, "notes", as_ann | {"Prefer": "count=exact", "Range": "0-0"})
    assert (counted.status_code, counted.headers["content-range"]) == (206, "0-0/3")
    asked = httpx.options(
        f"{stack.url()}/rest/v1/notes",
        headers={"Origin": "http://a.test", "Access-Control-Request-Method": "POST"},
    )
    assert asked.is_success
    assert asked.headers["access-control-allow-origin"] in ("*", "http://a.test")


def test_the_official_client_signs_in_users_an_administrator_made(stack: Stack) -> None:
    admin = client(stack, "SECRET_KEY").auth.admin
    email = f"Zoe-{uuid.uuid4()}@Example.org"
    wanted = {"email": email, "password": PASSWORD, "email_confirm": True}
    made = admin.create_user({**wanted, "user_metadata": {"name": "Zoe"}}).user
    for key in ("PUBLISHABLE_KEY", "ANON_KEY"):
        signed_in = client(stack, key).auth.sign_in_with_password(
            {"email": email.lower(), "password": PASSWORD}
        )
        assert signed_in.user is not None
        assert (signed_in.user.id, signed_in.user.user_metadata["name"]) == (made.id, "Zoe")
        with pytest.raises(AuthApiError, match="Invalid login credentials"):
            client(stack, key).auth.sign_in_with_password({"email": email, "password": "wrong"})
    with pytest.raises(AuthApiError, match="already been registered"):
        admin.create_user({**wanted, "email": email.upper()})
    changed = admin.update_user_by_id(made.id, {"password": PASSWORD + "2"}).user
    assert changed.id == made.id
    client(stack, "ANON_KEY").auth.sign_in_with_password(
        {"email": email.lower(), "password": PASSWORD + "2"}
    )
    assert made.id in {user.id for user in admin.list_users()}
    assert admin.get_user_by_id(made.id).user.email == email.lower()
    admin.delete_user(made.id)
    with pytest.raises(AuthApiError, match="not found"):
        admin.get_user_by_id(made.id)


def test_managing_users_needs_the_secret_key(stack: Stack) -> None:
    _, as_ann = member(stack)
    url = f"{stack.url()}/auth/v1/admin/users"
    assert httpx.get(url, headers=as_ann).status_code == 403
    for key in ("PUBLISHABLE_KEY", "ANON_KEY"):
        assert httpx.get(url, headers=headers(stack, key=key)).status_code in (401, 403)
    forged = signed(stack, "another secret, long enough for HS256", role="service_role")
    assert httpx.get(url, headers=headers(stack, forged)).status_code == 401
    assert httpx.get(url).status_code == 401
    service = headers(stack, key="SERVICE_ROLE_KEY")
    assert httpx.get(url, headers=service).status_code == 200


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b"[]", 400), (b"{}", 400), (b'{"email": "a@b.c", "id": "x"}', 404)],
)
def test_a_malformed_user_is_refused(stack: Stack, content: bytes, status: int) -> None:
    url = f"{stack.url()}/auth/v1/admin/users"
    refused = httpx.post(url, headers=headers(stack, key="SECRET_KEY"), content=content)
    assert refused.status_code == status
    assert refused.json()["error_code"]


def test_the_supabase_cli_reads_the_database(stack: Stack, packages: Any) -> None:
    tools = supabase_cli.install(stack.layout)
    assert supabase_cli.push(stack.env()["DB_URL"], stack.layout.project, tools=tools) == []
    found = supabase_cli.advisors(stack.env()["DB_URL"], tools=tools)
    assert "rls_enabled_no_policy" in {lint["name"] for lint in found}
    assert '"notes"' in supabase_cli.gen_types(stack.env()["DB_URL"], tools=tools)
