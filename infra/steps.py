"""What the commands of this folder share: steps with their times, and where Terraform and its provider are."""

import os
import pathlib
import shutil
import subprocess
import sys
import time


class Failed(Exception):
    """A step that did not come out as it must, in one line."""


def step(name):
    """Prints what a function does, and how long it took."""
    def wrap(function):
        def timed(*arguments, **named):
            print(f"== {name}", flush=True)
            begun = time.monotonic()
            answer = function(*arguments, **named)
            print(f"-- {name}: {time.monotonic() - begun:.0f} s", flush=True)
            return answer
        return timed
    return wrap


def run(command, log=None, stderr=subprocess.STDOUT, **more):
    """Runs a command, keeps what it says in the file `log`, and when it fails shows the end of it."""
    output = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, **more)
    if log:
        log.write_text(output.stdout)
    if output.returncode != 0:
        print(output.stdout[-6000:], file=sys.stderr)
        raise Failed(f"{' '.join(map(str, command[:3]))} … ended with {output.returncode}")
    return output.stdout


def find_terraform():
    for name in [os.environ.get("TERRAFORM"), "terraform", "tofu"]:
        if name and shutil.which(name):
            return shutil.which(name)
    raise Failed("There is no terraform and no tofu on the PATH. Install one of them, or name it in TERRAFORM.")


def provider_mirror(environment):
    """Settles where the provider comes from: as the user's configuration says when it is there, else from a folder
    that is laid out as a mirror, two levels below the root or the home, else from the registry. Returns the options of
    `init` for it."""
    configuration = environment.get("TF_CLI_CONFIG_FILE")
    if configuration and not pathlib.Path(configuration).is_file():
        del environment["TF_CLI_CONFIG_FILE"]
    elif configuration:
        return []
    for place in (pathlib.Path("/"), pathlib.Path.home()):
        for mirror in place.glob("*/*/registry.terraform.io/hashicorp/aws"):
            return [f"-plugin-dir={mirror.parents[2]}"]
    return []


def main(name, command):
    """Runs a command of this folder: its failure is one line and a non-zero exit."""
    begun = time.monotonic()
    try:
        command()
    except Failed as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return 1
    print(f"{name}: passed in {time.monotonic() - begun:.0f} s")
    return 0
