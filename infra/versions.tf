terraform {
  required_version = ">= 1.6"

  # One provider and no other: what can be said with it needs no archive, random or null.
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80, < 6"
    }
  }

  # Where the state lives is said at `init`, by a file made from envs/*.s3.tfbackend.example.
  backend "s3" {}
}
