"""Names, places and jobs of generated people: (displayed form, form in an address)."""

# ruff: noqa: RUF001 - these names contain letters that look alike on purpose

GIVEN = (
    ("Anna", "anna"), ("Ben", "ben"), ("Chloé", "chloe"), ("Dávid", "david"), ("Émile", "emile"),
    ("Fatima", "fatima"),
    ("Grzegorz", "grzegorz"), ("Hanna", "hanna"), ("İlknur", "ilknur"), ("Jürgen", "juergen"), ("Kenji", "kenji"),
    ("Liam", "liam"), ("Måns", "mans"), ("Noémi", "noemi"), ("Óscar", "oscar"), ("Priya", "priya"),
    ("Quentin", "quentin"),
    ("Renée", "renee"), ("Søren", "soren"), ("Thị Mai", "thi.mai"), ("Ursula", "ursula"), ("Václav", "vaclav"),
    ("Wei", "wei"), ("Ximena", "ximena"), ("Yusuf", "yusuf"), ("Zoë", "zoe"), ("Ольга", "olga"), ("美咲", "misaki"),
    ("Μαρία", "maria"), ("ليلى", "leila"), ("Jean-Luc", "jean-luc"), ("D'Arcy", "darcy"), ("Mary Jane", "mary.jane"),
    ("Þóra", "thora"), ("Łukasz", "lukasz"), ("José", "jose"), ("Aoife", "aoife"), ("Bjørn", "bjorn"), ("Olu", "olu"),
)  # fmt: skip

SURNAME = (
    ("Andersson", "andersson"), ("Bianchi", "bianchi"), ("Çelik", "celik"), ("Dubois", "dubois"),
    ("Eriksen", "eriksen"),
    ("Fernández", "fernandez"), ("García López", "garcia.lopez"), ("Hernández", "hernandez"), ("Ivanova", "ivanova"),
    ("Jansen", "jansen"), ("Kovács", "kovacs"), ("Løvås", "lovas"), ("Müller", "mueller"), ("Nagy", "nagy"),
    ("O'Brien", "obrien"), ("Papadopoulos", "papadopoulos"), ("Quispe", "quispe"), ("Różański", "rozanski"),
    ("Smith", "smith"), ("Tanaka", "tanaka"), ("Usman", "usman"), ("van den Berg", "vandenberg"), ("Wójcik", "wojcik"),
    ("Xu", "xu"), ("Yılmaz", "yilmaz"), ("Žižek", "zizek"), ("Nguyễn", "nguyen"), ("佐藤", "sato"),
    ("Петрова", "petrova"),
    ("Nowak-Jeziorańska", "nowak-jezioranska"), ("Okonkwo", "okonkwo"), ("Patel", "patel"), ("Ó Briain", "obriain"),
    ("de la Cruz", "delacruz"), ("Weiß", "weiss"), ("Singh", "singh"), ("Khan", "khan"), ("Haddad", "haddad"),
    ("Lindqvist", "lindqvist"), ("Moreau", "moreau"), ("Silva", "silva"),
)  # fmt: skip

DEPARTMENTS = (
    "Engineering", "Sales", "Finance", "Legal & Compliance", "Facilities", "IT", "Human Resources", "Marketing",
    "Forschung & Entwicklung", "Reception", "Logistics",
)  # fmt: skip

JOBS = (
    "Engineer", "Account Manager", "Analyst", "Counsel", "Technician", "Administrator", "Recruiter", "Designer",
    "Wissenschaftlerin", "Receptionist", "Driver", "Directeur général",
)  # fmt: skip

#: city, country, office, language
PLACES = (
    ("Oslo", "Norway", "Oslo 4.12", "nb-NO"), ("Berlin", "Germany", "Berlin Mitte 2", "de-DE"),
    ("Zürich", "Switzerland", "Zürich Büro", "de-CH"), ("Lyon", "France", "Bâtiment Rhône", "fr-FR"),
    ("Chicago", "United States", "Tower 1, 31", "en-US"), ("東京", "Japan", "東京オフィス 5F", "ja-JP"),
    ("São Paulo", "Brazil", "Andar 7", "pt-BR"), ("Kraków", "Poland", "Kraków B", "pl-PL"),
)  # fmt: skip

#: The street of each of the places.
STREETS = (
    "Storgata 1", "Chausseestraße 12", "Bahnhofstrasse 3", "Quai Victor Augagneur 8", "233 S Wacker Dr", "丸の内 1-1",
    "Av. Paulista 1000", "ul. Długa 7",
)  # fmt: skip

EMPLOYEE_TYPES = ("Employee", "Employee", "Employee", "Contractor", "Intern")
