import Testing

@testable import Core

/// Words that come out otherwise than they were written, or fail only when they are to be sent.
struct MessageTemplateTests {
    private func render(_ text: String, _ values: [MessageTemplate.Value: String]) throws -> String {
        try MessageTemplate(parsing: text).render { values[$0] }
    }

    @Test func `the message of the issue is rendered`() throws {
        let text = "{name}고객님, {items.0.name} 제품을 찾고 계신가요? {discount}% 할인 중"
        #expect(
            try render(text, [.name: "김민지", .itemName(0): "니트", .discount: "15"])
                == "김민지고객님, 니트 제품을 찾고 계신가요? 15% 할인 중")
        #expect(try render(text, [:]) == "고객님,  제품을 찾고 계신가요? % 할인 중")
    }

    @Test func `what is missing has its default, and braces may be written`() throws {
        #expect(try render("{name|customer} {{x}} {tier|}", [:]) == "customer {x} ")
        #expect(try render("{ name | you }", [:]) == " you ")
    }

    @Test(arguments: [
        ("Hello {nmae}", 7, "there is no {nmae}"), ("Hello {name", 6, "is not closed"),
        ("Hello name}", 10, "closes nothing"), ("{items.x.name}", 1, "there is no {items.x.name}"),
        ("{converted}", 1, "there is no {converted}"),
    ])
    func `what cannot be rendered is told with its place`(text: String, offset: Int, reason: String) {
        #expect {
            try MessageTemplate(parsing: text)
        } throws: { error in
            guard let error = error as? RuleTextError else { return false }
            return error.offset == offset && error.reason.contains(reason)
        }
    }

    @Test func `words may name a segmentation that is configured`() throws {
        let text = "Hello {segments.loyalty.name|friend}"
        let template = try MessageTemplate(parsing: text, segmentations: ["loyalty"])
        #expect(template.fields.names.map(\.name) == ["loyalty"])
        #expect(template.render { _ in nil } == "Hello friend")
        #expect {
            try MessageTemplate(parsing: text, segmentations: [])
        } throws: { error in
            guard let error = error as? RuleTextError else { return false }
            return error.offset == 7 && error.reason.contains("no segmentation loyalty")
        }
    }

    @Test(arguments: [
        (0, "0"), (3, "3"), (0.125, "0.13"), (-2.5, "-2.5"), (1234.05, "1234.05"), (99.999, "100"),
    ])
    func `numbers are written as a person writes them`(number: Double, text: String) {
        #expect(MessageTemplate.text(number) == text)
    }
}
