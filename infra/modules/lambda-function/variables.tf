variable "name" {
  description = "The function's name, the environment's prefix included."
  type        = string
}

variable "description" {
  description = "What it does, in one sentence."
  type        = string
}

variable "package" {
  description = "The zip with its `bootstrap`."
  type        = string
}

variable "require_package" {
  description = "Whether a missing package is an error."
  type        = bool
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "memory_mb" {
  description = "Its memory; its share of a processor goes with it."
  type        = number

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "A function has 128 to 10240 MB of memory."
  }
}

variable "timeout_seconds" {
  description = "After how long a call is given up."
  type        = number

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "A call may take 1 to 900 seconds."
  }
}

variable "reserved_concurrency" {
  description = "How many calls at once at most, kept free for it; -1 for no limit of its own."
  type        = number
}

variable "environment" {
  description = "Its settings."
  type        = map(string)
  sensitive   = true
}

variable "environment_key_arn" {
  description = "The key that seals its settings."
  type        = string
}

variable "policies" {
  description = "What it may do, one policy document per concern."
  type        = map(string)
}

variable "log_retention_days" {
  description = "How long its log is kept."
  type        = number
}

variable "log_group_arn_prefix" {
  description = "The ARN of a log group of this account, up to the group's name."
  type        = string
}

variable "alarm_topic_arn" {
  description = "Where its alarms go."
  type        = string
}
