import Testing

@testable import Core

/// A condition that is read as something else than it says, or refused without saying where.
struct ConditionTests {
    private func refused(_ text: String) -> RuleTextError? {
        do throws(RuleTextError) {
            _ = try ConditionProgram(parsing: text)
            return nil
        } catch { return error }
    }

    /// Runs a program on given values: what is not given is absent.
    private func holds(
        _ condition: String, numbers: [String: Double] = [:], texts: [String: String] = [:],
        flag: Bool = false
    ) throws -> Bool {
        let program = try ConditionProgram(parsing: condition)
        func number(_ operand: ConditionProgram.Operand) -> Double {
            numbers.first { ConditionField.names[$0.key] == operand.field }?.value ?? .nan
        }
        func text(_ operand: ConditionProgram.Operand) -> String? {
            texts.first { ConditionField.names[$0.key] == operand.field }?.value
        }
        var truth = true
        var index = 0
        while index < program.steps.count {
            let step = program.steps[index]
            index += 1
            let range = Int(step.first)..<Int(step.first + step.count)
            switch step.code {
            case .compare: truth = step.comparison.holds(number(step.a), step.number)
            case .compareFields: truth = step.comparison.holds(number(step.a), number(step.b))
            case .isOneOf: truth = program.texts[range].contains { $0.text == text(step.a) }
            case .isAmong: truth = program.numbers[range].contains(number(step.a))
            case .has: truth = step.a.field.kind == .text ? text(step.a) != nil : !number(step.a).isNaN
            case .flag: truth = flag
            case .constant: truth = step.number != 0
            case .invert: truth.toggle()
            case .jumpIfFalse: if !truth { index = Int(step.first) }
            case .jumpIfTrue: if truth { index = Int(step.first) }
            }
        }
        return truth
    }

    @Test func `the condition of the issue holds of whom it means`() throws {
        let text =
            #"purchase.count >= 2 and segment.name in ["loyal","vip"] and has(predictions.churn) and rfm.days_since_last > 20"#
        let numbers = ["purchase.count": 2.0, "predictions.churn": 0.4, "rfm.days_since_last": 21]
        #expect(try holds(text, numbers: numbers, texts: ["segment.name": "vip"]))
        #expect(try !holds(text, numbers: numbers, texts: ["segment.name": "dormant"]))
        #expect(try !holds(text, numbers: numbers))
        var other = numbers
        other["rfm.days_since_last"] = 20
        #expect(try !holds(text, numbers: other, texts: ["segment.name": "vip"]))
        other = numbers
        other["predictions.churn"] = nil
        #expect(try !holds(text, numbers: other, texts: ["segment.name": "vip"]))
    }

    @Test func `and binds before or, and not before both`() throws {
        for bits in 0..<8 {
            let (a, b, c) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0)
            let numbers = [
                "purchase.count": a ? 1.0 : 0, "event_total": b ? 1 : 0, "coupon.used": c ? 1 : 0,
            ]
            let (x, y, z) = ("purchase.count == 1", "event_total > 0", "1 <= coupon.used")
            #expect(try holds("\(x) or \(y) and \(z)", numbers: numbers) == (a || b && c))
            #expect(try holds("(\(x) or \(y)) and \(z)", numbers: numbers) == ((a || b) && c))
            #expect(try holds("not \(x) and \(y)", numbers: numbers) == (!a && b))
            #expect(try holds("not (\(x) and \(y)) or \(z)", numbers: numbers) == (!(a && b) || c))
        }
    }

    @Test func `nothing holds of what is absent but that it is absent`() throws {
        for text in [
            "rfm.frequency == 0", "rfm.frequency != 0", "grade == \"VIP\"", "grade != \"VIP\"",
            "grade not in [\"VIP\"]", "rfm.frequency in [0, 1]", "has(grade)",
        ] {
            #expect(try !holds(text), "\(text)")
        }
        #expect(try holds("not has(grade)"))
        #expect(try holds("grade not in [\"VIP\"]", texts: ["grade": "G1"]))
        #expect(try holds("converted", flag: true))
        #expect(try holds("converted == false"))
        #expect(try holds(""))
    }

    @Test(arguments: [
        ("purchase.cuont > 1", 0, "there is no purchase.cuont"),
        ("purchase.count > ", 17, "a name or a value is due here, not the end"),
        ("purchase.count = 1", 15, "to compare, write =="),
        ("purchase.count > \"2\"", 17, "a text cannot be compared"),
        ("segment.name > \"a\"", 15, "no order"),
        ("tier.name == \"Platinum\"", 13, "none of its values"),
        ("converted and (grade == \"VIP\"", 29, "\")\" is due here"),
        ("purchase.count", 0, "no condition by itself"),
        ("grade in []", 10, "a name or a value is due here"),
        ("grade in [1]", 10, "cannot be one of texts"),
        ("converted converted", 10, "one too many"),
        ("main.device == \"mobile", 15, "no closing quote"),
        ("rolling.3d.events > 1", 0, "there is no rolling.3d.events"),
        ("rfm.frequency > 1.2.3", 16, "not a number"),
    ])
    func `what is wrong is told with its place`(text: String, offset: Int, reason: String) throws {
        let refusal = try #require(refused(text))
        #expect(refusal.offset == offset)
        #expect(refusal.reason.contains(reason), "\(refusal.reason)")
    }

    @Test func `a segmentation of one's own may be asked about where it is configured`() throws {
        let text = #"converted and segments.loyalty.name in ["vip"] or has(segments.payments.name)"#
        let program = try ConditionProgram(parsing: text, segmentations: ["loyalty"])
        #expect(try program == ConditionProgram(parsing: text))
        #expect(program.names.map(\.name) == ["loyalty", "payments"])
        do throws(RuleTextError) {
            _ = try ConditionProgram(parsing: text, segmentations: ["other"])
            Issue.record("a segmentation that is not there was accepted")
        } catch {
            #expect(error.offset == 14)
            #expect(error.reason.contains("no segmentation loyalty"))
            #expect(error.reason.contains("there are other, payments, value"))
        }
        // What no segmentation can be called, and what is the name of another model.
        #expect(refused("segments.Loyalty.name == \"vip\"")?.offset == 0)
        #expect(refused("segments.churn.name == \"vip\"")?.offset == 0)
        #expect(refused("segments.loyalty.name > \"vip\"")?.reason.contains("no order") == true)
        #expect(refused("segments.loyalty.name == 3")?.reason.contains("cannot be compared") == true)
    }

    @Test func `nesting has an end`() throws {
        let deep = String(repeating: "(", count: 10_000) + "converted" + String(repeating: ")", count: 10_000)
        #expect(refused(deep)?.reason.contains("nested deeper") == true)
    }

    @Test func `names that come with the data may be anything`() throws {
        let program = try ConditionProgram(
            parsing: #"amount_by.category["Office Supplies"] > 10 and events.회원가입 > 0 and events.회원가입 < 5"#)
        #expect(program.names.map(\.name) == ["Office Supplies", "회원가입"])
    }
}
