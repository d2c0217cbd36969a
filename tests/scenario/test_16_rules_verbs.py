"""`rules check` and `rules explain`, and what the presets become for clients set up in this or that way."""
import os
import shutil

import pytest


def stand_in(sally, name, script):
    """A client of that name, first on the PATH: what the real one says is asked by the live tests."""
    folder = sally.home / "bin"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"PATH": f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin"}


def expand(sally, preset, env):
    result = sally.verb("rules", "check", "--use", preset, "--expand", env=sally.environment(env))
    assert result.status == 0, result
    return [" ".join(line.split()) for line in result.out.splitlines()]


def has(lines, statement):
    return any(statement in line for line in lines)


def test_npm(sally):
    env = stand_in(sally, "npm", """
case "$*" in
"config get registry") echo https://packages.corp.example/npm/;;
"config list") echo '@acme:registry = "https://acme.example:8443/r/"';;
esac""")
    lines = expand(sally, "npm", env)
    assert has(lines, "allow GET,HEAD packages.corp.example/npm/**"), lines
    assert has(lines, "allow GET,HEAD acme.example:8443/r/**"), lines
    assert not any("POST" in line and "acme" in line for line in lines), lines


def test_pip(sally):
    env = stand_in(sally, "pip", "echo \"global.index-url='https://user:secret@index.corp.example/simple'\"")
    lines = expand(sally, "pip", env)
    assert has(lines, "allow GET,HEAD index.corp.example/simple/**"), lines
    assert not has(lines, "secret")


def test_go(sally):
    env = stand_in(sally, "go", "printf 'https://proxy.corp.example,direct\\nsum.corp.example+1234+key\\n'")
    lines = expand(sally, "go", env)
    assert has(lines, "allow GET,HEAD proxy.corp.example/**") and has(lines, "allow GET,HEAD sum.corp.example/**"), lines


def test_cargo(sally):
    cargo = sally.home / ".cargo"
    cargo.mkdir()
    (cargo / "config.toml").write_text('[source.crates-io]\nreplace-with = "corp"\n[source.corp]\n'
                                       'registry = "sparse+https://crates.corp.example/index/"\n')
    env = stand_in(sally, "curl", """echo '{"dl": "https://files.corp.example/{crate}/download"}'""")
    lines = expand(sally, "cargo", env)
    assert has(lines, "allow GET,HEAD crates.corp.example/index/**"), lines
    assert has(lines, "allow GET,HEAD files.corp.example/**"), lines


def test_git(sally):
    (sally.home / ".gitconfig").write_text('[url "https://git.corp.example/mirror/"]\n\tinsteadOf = https://elsewhere.example/\n')
    lines = expand(sally, "git", {})
    assert has(lines, "allow GET git.corp.example/** query service=git-upload-pack"), lines
    assert not any("receive" in line for line in lines)


def test_apt(sally):
    env = stand_in(sally, "apt-get", "printf 'http://mirror.corp.example/debian/\\nhttp://mirror.corp.example/debian/\\n'")
    lines = expand(sally, "apt", env)
    assert [line for line in lines if "mirror.corp.example" in line] == [
        line for line in lines if "allow GET,HEAD http://mirror.corp.example/debian/**" in line][:1], lines


def test_a_mirror_with_a_private_address(sally):
    """A company's own mirror needs no statement of the user's; what is the machine's own stays closed."""
    for address, word in (("10.1.2.3", True), ("192.168.7.7:8443", True), ("127.0.0.1", False), ("169.254.169.254", False),
                          ("203.0.113.1", False)):
        env = stand_in(sally, "go", f"printf 'https://{address}/go,direct\\noff\\n'")
        lines = expand(sally, "go", env)
        statement = f"allow GET,HEAD {address}/go/**"
        assert has(lines, statement) and has(lines, statement + " private") == word, lines


def test_a_password_in_gits_configuration_stays_there(sally):
    (sally.home / ".gitconfig").write_text('[url "https://user:secret@git.corp.example/x/"]\n\tinsteadOf = https://e.example/\n')
    lines = expand(sally, "git", {})
    assert has(lines, "allow GET git.corp.example/** query service=git-upload-pack"), lines
    assert not has(lines, "secret")


# The clients themselves, set up by files with made-up names.

def system_has(program):
    return pytest.mark.skipif(shutil.which(program, path="/usr/bin:/bin") is None,
                              reason=f"{program} is not installed in the system's folders")


@system_has("npm")
def test_npm_itself(sally):
    (sally.home / ".npmrc").write_text("registry=https://packages.corp.example/npm/\n@acme:registry=https://acme.example/r/\n")
    lines = expand(sally, "npm", {})
    assert has(lines, "allow GET,HEAD packages.corp.example/npm/**") and has(lines, "allow GET,HEAD acme.example/r/**"), lines
    lines = expand(sally, "npm", {"npm_config_registry": "https://other.example/"})
    assert has(lines, "allow GET,HEAD other.example/**") and not has(lines, "packages.corp.example"), lines


@system_has("pip")
def test_pip_itself(sally):
    (sally.home / ".config" / "pip").mkdir(parents=True)
    (sally.home / ".config" / "pip" / "pip.conf").write_text("[global]\nindex-url = https://index.corp.example/simple\n")
    assert has(expand(sally, "pip", {}), "allow GET,HEAD index.corp.example/simple/**")


@pytest.mark.skipif(not os.path.exists("/usr/local/go/bin/go"), reason="go is not installed in /usr/local/go")
def test_go_itself(sally):
    env = {"PATH": "/usr/local/go/bin:/usr/bin:/bin", "GOFLAGS": "", "GOTOOLCHAIN": "local"}
    (sally.home / ".config" / "go").mkdir(parents=True)
    (sally.home / ".config" / "go" / "env").write_text("GOPROXY=https://proxy.corp.example\nGOSUMDB=off\n")
    lines = expand(sally, "go", env)
    assert has(lines, "allow GET,HEAD proxy.corp.example/**") and not has(lines, "sum."), lines


def test_apt_itself(sally):
    """Its sources, also before the first `apt-get update`."""
    sources, config = sally.home / "sources.list", sally.home / "apt.conf"
    sources.write_text("deb http://mirror.corp.example/debian/ stable main\ndeb https://acme.example/apt ./\n")
    config.write_text(f'Dir::Etc::SourceList "{sources}"; Dir::Etc::SourceParts "/nonexistent"; '
                      f'Dir::State::Lists "{sally.home}/none/";\n')
    lines = [line for line in expand(sally, "apt", {"APT_CONFIG": str(config)}) if line.startswith("allow")]
    assert len(lines) == 2 and has(lines, "allow GET,HEAD http://mirror.corp.example/debian/**"), lines
    assert has(lines, "allow GET,HEAD acme.example/apt/**"), lines


@pytest.mark.parametrize("preset", ["npm", "pip", "cargo", "go", "apt", "git"])
def test_a_client_that_does_not_answer_is_no_permission(sally, preset):
    program = {"apt": "apt-get"}.get(preset, preset)
    env = stand_in(sally, program, "exit 1")
    stand_in(sally, "python3", "exit 1")
    result = sally.verb("rules", "check", "--use", preset, env=sally.environment(env))
    assert result.status == 125 and f"use {preset}: " in result.err and "allow GET" in result.err, result
    result = sally.verb("run", "--record", str(sally.folder / "record"), "--use", preset, "--", "touch", "marker",
                        env=sally.environment(env))
    assert result.status == 125 and not (sally.folder / "marker").exists(), result


def test_a_project_does_not_choose_its_registry(sally):
    """The folder that the command may write to says nothing about what it may reach."""
    env = stand_in(sally, "npm", """
case "$*" in
"config get registry") if [ -e .npmrc ]; then cat .npmrc; else echo https://packages.corp.example/; fi;;
esac""")
    sally.write(".npmrc", "https://evil.example/\n")
    lines = expand(sally, "npm", env)
    assert has(lines, "packages.corp.example") and not has(lines, "evil.example"), lines


def explain(sally, *words, rules="allow GET api.test/v1/**\ndeny * api.test/v1/secret/**\nallow POST api.test/v1/** body<=1KiB\n"):
    return sally.verb("rules", "explain", "--rules", str(sally.write("page.rules", rules)), *words)


def test_explain(sally):
    result = explain(sally, "GET", "https://api.test/v1/x")
    assert result.status == 0 and "page.rules:1" in result.out, result
    result = explain(sally, "GET", "https://api.test/v1/%73ecret/x")
    assert result.status == 1 and "page.rules:2" in result.out, result
    result = explain(sally, "GET", "https://other.test/")
    assert result.status == 1 and "allow GET other.test/\n" in result.out, result
    result = explain(sally, "--body", "2000", "POST", "https://api.test/v1/x")
    assert result.status == 1, result
    result = explain(sally, "--body", "1000", "POST", "https://api.test/v1/x")
    assert result.status == 0, result
    result = explain(sally, "GET", "no url")
    assert result.status == 1 and "refused: only http" in result.out, result


def test_explain_and_the_gateway_say_the_same(sally, plain_origin):
    web = plain_origin()
    rules = f"allow GET http://origin.test:{web.port}/a/* private\ndeny GET http://origin.test:{web.port}/a/b"
    for path in ("/a/a", "/a/b", "/a/a/c", "/b", "/a/%62", "/x/../a/a"):
        url = f"http://origin.test:{web.port}{path}"
        said = explain(sally, "GET", url, rules=rules).status
        result = sally.run("curl", "-sS", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", url, rules=rules)
        assert (said, result.out) in ((0, "200"), (1, "403")), (path, said, result)


def test_a_page_that_cannot_be_read_is_not_no_page(sally):
    """It may hold a deny."""
    if sally.user.uid == 0:
        pytest.skip("root reads everything")
    sally.write("sallyport.rules", "deny * **\n").chmod(0)
    env = stand_in(sally, "go", "printf 'https://proxy.corp.example\\noff\\n'")
    result = sally.verb("run", "--record", sally.folder / "record", "--use", "go", "--", "true", env=sally.environment(env))
    assert result.status == 125 and "sallyport.rules" in result.err, result


def test_check_says_where(sally):
    path = sally.write("bad.rules", "allow GET a.test/**\nallow GETT,? b.test\n")
    result = sally.verb("rules", "check", str(path))
    assert result.status == 125 and "bad.rules:2:" in result.err, result
    good = sally.write("good.rules", "allow GET a.test/**\n")
    assert sally.verb("rules", "check", str(good)).status == 0


def test_a_rules_file_that_nobody_named_is_told_of(sally):
    """It may have come with the project."""
    said = f"sallyport: the rules are those of {sally.folder}/sallyport.rules\n"
    sally.write("other.rules", "")
    assert "the rules are those of" not in sally.run("true").err
    sally.write("sallyport.rules", "")
    assert said in sally.run("true").err
    assert said not in sally.run("true", options=["--quiet"]).err
    assert said not in sally.run("true", options=["--rules", "other.rules"]).err
