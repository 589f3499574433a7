import Core
import Testing

@testable import roost

@Suite struct ArgumentsTests {
    private func parse(_ command: Command, _ words: String...) throws(UsageError) -> Arguments {
        try Arguments(words, for: command)
    }

    private func refusal(_ command: Command, _ words: String...) -> String? {
        do throws(UsageError) {
            _ = try Arguments(words, for: command)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test func optionsTakeTheirValueAsNextWordOrBehindAnEqualsSign() throws {
        let one = try parse(replayCommand, "--to", "h:1", "a.ndjson", "--rate=5/s", "-")
        #expect(one.text("--to") == "h:1")
        #expect(one.text("--rate") == "5/s")
        #expect(one.operands == ["a.ndjson", "-"])
        let two = try parse(replayCommand, "--plain", "--", "--odd-name")
        #expect(two.has("--plain"))
        #expect(two.operands == ["--odd-name"])
        let three = try parse(tailCommand, "--type", "welcome", "--type", "churned")
        #expect(three.texts("--type") == ["welcome", "churned"])
    }

    @Test func whatIsNotInTheTableIsAUsageError() {
        #expect(refusal(replayCommand, "f", "--rat", "5")?.contains("did you mean --rate?") == true)
        #expect(refusal(replayCommand)?.contains("FILE… is missing") == true)
        #expect(refusal(replayCommand, "f", "--to")?.contains("wants a value") == true)
        #expect(refusal(replayCommand, "f", "--plain=1")?.contains("takes no value") == true)
        #expect(refusal(replayCommand, "f", "--to", "a:1", "--to", "b:2")?.contains("given twice") == true)
        #expect(refusal(statusCommand, "extra")?.contains("one operand too many") == true)
    }

    @Test func valuesAreReadWithTheirBounds() throws {
        let arguments = try parse(
            generateCommand, "--events", "1,000_000", "--late", "2%", "--repeat", "0.5", "--late-by", "90s")
        #expect(try arguments.integer("--events", in: 1...1_000_000) == 1_000_000)
        #expect(try arguments.share("--late") == 0.02)
        #expect(try arguments.share("--repeat") == 0.5)
        #expect(try arguments.duration("--late-by") == 90 * Microseconds.second)
        #expect(throws: UsageError.self) { try arguments.integer("--events", in: 1...10) }
        #expect(throws: UsageError.self) { try arguments.share("--events") }
        let address = try parse(replayCommand, "f", "--to", "[::1]:7001").address("--to", default: "")
        #expect(address.host == "::1")
        #expect(address.port == 7001)
        #expect(throws: UsageError.self) {
            try parse(replayCommand, "f", "--to", "host:0").address("--to", default: "")
        }
    }

    @Test func helpExplainsEveryOptionOfEveryCommand() throws {
        for command in CommandTable.all {
            #expect(try parse(command, "--help").wantsHelp)
            let help = Help.text(of: command)
            for option in command.options { #expect(help.contains(option.name)) }
            #expect(command.isHidden || Help.overview.contains("  \(command.name) "))
        }
    }

    @Test func namesOfCommandsAndOptionsAreUnique() {
        #expect(Set(CommandTable.all.map(\.name)).count == CommandTable.all.count)
        for command in CommandTable.all {
            #expect(Set(command.options.map(\.name)).count == command.options.count)
        }
        #expect(Set(Bench.all.map(\.name)).count == Bench.all.count)
    }

    @Test func exitCodesAreThoseOfTheContract() {
        #expect(CommandTable.run(["check", "--config", SettingsFileTests.shippedPath]) == 0)
        #expect(CommandTable.run(["check", "--config", "/nonexistent"]) == 1)
        #expect(CommandTable.run(["check"]) == 2)
        #expect(CommandTable.run(["chek"]) == 2)
        #expect(CommandTable.run(["check", "--nonsense"]) == 2)
        #expect(CommandTable.run([]) == 2)
        #expect(CommandTable.run(["tail", "--from", "1", "--consumer", "x"]) == 2)
    }

    @Test func sizesFollowFromEachOther() throws {
        #expect(try generateRequest(parse(generateCommand)) == GenerateRequest())
        #expect(try generateRequest(parse(generateCommand, "--events", "2_000_000")).users == 350_181)
        #expect(try generateRequest(parse(generateCommand, "--users", "4481842")).events == 25_597_319)
        #expect(throws: UsageError.self) {
            try generateRequest(parse(generateCommand, "--start", "2024-02-30"))
        }
    }
}
