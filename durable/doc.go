// Package durable sends activities that survive a crash of either side.
package durable
